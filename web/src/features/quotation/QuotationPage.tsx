import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import { call, exchange, may, Refusal, session } from '../../api/client';
import { faultOf, faults, isPart, say } from '../../api/words';
import { words } from '../../i18n';
import { formatMoney } from '../../i18n/format';
import { Input, settled, type FieldSpec, type Values } from '../../screen/Form';
import { readNumber } from '../../screen/number';
import { customerPicker, employeePicker, PickDialog, productPicker } from '../../screen/Pick';
import { History } from '../../screen/Record';
import '../../screen/screen.css';
import { Button, IconButton } from '../../ui/Button';
import { Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';
import { useUnsaved } from '../../unsaved';
import { LinkDialog, QuotationActs, type PageLink } from './QuotationActs';
import { Revisions } from './Revisions';

interface Line {
  productCode: string;
  productName: string;
  qty: string;
  price: string;
  productUnitName: string;
  discountType: boolean;
  discountValue: string;
  vatTaxValue: string;
  totalPrice?: string | number | null;
}

const text = (value: unknown) => (value === null || value === undefined ? '' : String(value));
const lineOf = (read: Values): Line => ({
  productCode: text(read['productCode']),
  productName: text(read['productName']),
  qty: text(read['qty']),
  price: text(read['price']),
  productUnitName: text(read['productUnitName']),
  discountType: read['discountType'] === true,
  discountValue: text(read['discountValue']),
  vatTaxValue: text(read['vatTaxValue']),
  totalPrice: read['totalPrice'] as string | number | null,
});
const linesOf = (read: Values): Line[] => ((read['quotationDetails'] as Values[] | undefined) ?? []).map(lineOf);
const NUMBERS = ['qty', 'price', 'discountValue', 'vatTaxValue'] as const;
const amount = (value: string) => {
  const plain = readNumber(value);
  return plain == null ? null : Number(plain);
};
function day(ahead: number): string {
  const date = new Date(Date.now() + ahead * 86_400_000);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}-${String(date.getDate()).padStart(2, '0')}`;
}

/** The same but for the total, which is the server's. */
const isSameLine = (one: Line, other: Line | undefined) => JSON.stringify({ ...one, totalPrice: null }) === JSON.stringify({ ...other, totalPrice: null });

/** The editor of a quotation: its head, its lines as a grid, and the totals that the server computed. */
export function QuotationPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const no = id === 'new' ? null : id;
  const [link, setLink] = useState<PageLink | null>(null);
  const [blank] = useState<Values>(() => ({ quotationStatus: 1, quotationDate: day(0), quotationValidUntil: day(30), vatCalculation: true, staffCode: session.get()?.user.staffCode ?? null }));
  const found = useQuery({ queryKey: ['quotation', no], queryFn: () => exchange<Values>('GET', `/v1/quotation/${encodeURIComponent(no ?? '')}`), enabled: no !== null });
  if (no !== null && found.isPending) return <Loading />;
  if (no !== null && found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const first: Values = no === null ? blank : found.data?.data ?? {};
  return (
    <>
      <Editor key={id} no={no} first={first} version={found.data?.version ?? null} again={async () => (await found.refetch()).data?.data ?? first} linked={setLink} />
      {link && <LinkDialog link={link} onClose={() => setLink(null)} />}
    </>
  );
}

function Editor({ no, first, version, again, linked }: { no: string | null; first: Values; version: string | null; again(): Promise<Values>; linked(link: PageLink): void }) {
  const t = words('work').quotation;
  const core = words('core');
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [head, setHead] = useState<Values>(first);
  const [lines, setLines] = useState<Line[]>(() => linesOf(first));
  const [base, setBase] = useState<Values>(first);
  const [picking, setPicking] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [dirty, setDirty] = useState(false);
  const [meanwhile, setMeanwhile] = useState(false);
  const grid = useRef<HTMLTableSectionElement>(null);
  const wrong = faults(error);
  const status = Number(first['quotationStatus'] ?? 1);
  const can = may('quotation:write') && status < 5;
  const currency = text(first['currencyCode']) || 'THB';
  const title = no === null ? t.create : text(first['quotationSubject']) || no;
  useEffect(() => {
    document.title = `${title} · Sala`;
  }, [title]);

  const fields: FieldSpec[] = [
    { id: 'quotationSubject', label: t.subject, required: true, whole: true },
    { id: 'customerCode', label: t.customer, kind: 'pick', required: true, picker: customerPicker(t.customer), named: 'customerName' },
    { id: 'staffCode', label: t.staff, kind: 'pick', required: true, picker: employeePicker(t.staff) },
    { id: 'quotationDate', label: t.date, kind: 'date', required: true },
    { id: 'quotationValidUntil', label: t.until, kind: 'date', required: true },
    { id: 'quotationStatus', label: t.status, kind: 'choice', required: true, options: Object.entries(t.statuses).slice(0, 4).map(([value, label]) => ({ value: Number(value), label })) },
    { id: 'recipientName', label: t.recipient },
    { id: 'paymentTerm', label: t.term },
    { id: 'recipientAddress', label: t.address, kind: 'area' },
    { id: 'remark', label: t.remark, kind: 'area' },
  ];
  const cells: Record<string, string> = { qty: t.qty, price: t.price, discountValue: t.discount, vatTaxValue: t.vatRate, productUnitName: t.unit, productName: t.product, productCode: t.product };
  const labelOf = (name: string) => {
    const [, line, part] = /^quotationDetails\[(\d+)\]\.(\w+)$/.exec(name) ?? [];
    return line ? [lines[Number(line)]?.productName, cells[part ?? '']].filter(Boolean).join(': ') : fields.find((field) => isPart(name, field.id))?.label ?? (name === 'quotationDetails' ? t.lines : undefined);
  };
  useUnsaved(dirty && !busy);
  const take = (read: Values) => {
    setBase(read);
    setHead(read);
    setLines(linesOf(read));
    setDirty(false);
    setMeanwhile(false);
  };
  // What somebody else saved meanwhile is taken where nothing was typed here.
  if (first !== base) {
    if (!dirty) take(first);
    else {
      const isTyped = (key: string) => JSON.stringify(head[key] ?? '') !== JSON.stringify(base[key] ?? '');
      setBase(first);
      setHead({ ...first, ...Object.fromEntries([...fields.map((field) => field.id), 'vatCalculation'].filter(isTyped).map((key) => [key, head[key]])) });
      if (lines.length === linesOf(base).length && lines.every((line, at) => isSameLine(line, linesOf(base)[at]))) setLines(linesOf(first));
      if (!busy) setMeanwhile(true);
    }
  }
  const put = (key: string, value: unknown) => {
    setDirty(true);
    setHead((now) => ({ ...now, [key]: value }));
  };
  const putLine = (index: number, change: Partial<Line>) => {
    setDirty(true);
    setLines((now) => now.map((line, at) => (at === index ? { ...line, ...change, totalPrice: null } : line)));
  };

  async function save(event?: FormEvent) {
    event?.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    const rest = Object.fromEntries(fields.map((field) => [field.id, settled(field, head[field.id])]));
    const body = {
      ...rest,
      vatCalculation: head['vatCalculation'] !== false,
      discountType: head['discountType'] === true,
      discountValue: head['discountValue'] === '' ? null : head['discountValue'] ?? null,
      ...(no === null ? {} : { quotationNo: no }),
      quotationDetails: lines.map((line) => ({
        productCode: line.productCode,
        productName: line.productName || null,
        qty: amount(line.qty),
        price: amount(line.price),
        productUnitName: line.productUnitName || null,
        discountType: line.discountType,
        discountValue: amount(line.discountValue),
        vatTaxValue: amount(line.vatTaxValue),
      })),
    };
    const noDay = fields.filter((field) => rest[field.id] === undefined).map((field) => field.id);
    const noNumber = lines.flatMap((line, index) => NUMBERS.filter((key) => readNumber(line[key]) === undefined).map((key) => `quotationDetails[${index}].${key}`));
    try {
      if (noNumber.length) throw Refusal.of('not_a_number', ...noNumber);
      if (noDay.length) throw Refusal.of('invalid_format', ...noDay);
      const saved = await call<Values | string>('POST', '/v2/quotation', { body, ...(version ? { match: version } : {}), ...(no === null ? { key: crypto.randomUUID() } : {}) });
      void cache.invalidateQueries({ queryKey: ['audit'] });
      toast(t.saved);
      const number = typeof saved === 'string' ? saved : text(saved?.['quotationNo']);
      if (no === null && number) void navigate({ to: `/quotations/${encodeURIComponent(number)}` as never, replace: true }).then(() => document.querySelector<HTMLElement>('main')?.focus());
      if (no !== null) take(await again());
      await cache.invalidateQueries({ queryKey: ['quotation'] });
    } catch (reason) {
      setError(reason);
      if (reason instanceof Refusal && reason.status === 412) {
        await again();
        setMeanwhile(true);
      } else requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid=true]')?.focus());
    } finally {
      setBusy(false);
    }
  }
  function double(index: number) {
    setDirty(true);
    setLines((now) => now.flatMap((line, at) => (at === index ? [line, { ...line, totalPrice: null }] : [line])));
  }

  function onCell(event: KeyboardEvent<HTMLElement>, index: number) {
    const line = lines[index];
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      const cells = [...(grid.current?.querySelectorAll<HTMLInputElement>('input') ?? [])];
      const next = cells[cells.indexOf(event.target) + 1];
      if (next) next.focus();
      else setPicking(true);
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'd' && line) {
      event.preventDefault();
      double(index);
    }
  }
  const cell = (index: number, key: 'productName' | 'qty' | 'price' | 'productUnitName' | 'discountValue' | 'vatTaxValue', label: string, number = true) => (
    <td>
      <input
        aria-label={`${label}: ${lines[index]?.productName}`}
        inputMode={number ? 'decimal' : 'text'}
        className={number ? 'number' : ''}
        value={lines[index]?.[key] ?? ''}
        disabled={!can}
        aria-invalid={wrong[`quotationDetails[${index}].${key}`] ? true : undefined}
        aria-describedby={wrong[`quotationDetails[${index}].${key}`] ? `line-${index}-${key}` : undefined}
        onChange={(event) => putLine(index, { [key]: event.target.value })}
        onKeyDown={(event) => onCell(event, index)}
      />
      {wrong[`quotationDetails[${index}].${key}`] && <p id={`line-${index}-${key}`} className="fault">{wrong[`quotationDetails[${index}].${key}`]}</p>}
    </td>
  );

  return (
    <div className="page">
      <header className="page-head">
        <IconButton icon="back" label={core.act.back} onClick={() => void navigate({ to: '/quotations' as never })} />
        <div className="record-title">
          <h1 className="line">{title}</h1>
          {no && <span className="chip">{no}</span>}
          <span className="chip info">{t.statuses[status]}</span>
        </div>
        {no && <QuotationActs no={no} status={status} dirty={dirty} linked={linked} />}
      </header>
      {!can && <p className="notice">{t.fixed}</p>}
      <form className="record" onSubmit={(event) => void save(event)} onKeyDown={(event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save(event); }} noValidate>
        <div>
          {meanwhile && <p className="notice warn" role="alert">{words('record').changed}</p>}
          {error != null && !(meanwhile && error instanceof Refusal && error.status === 412) && <p className="notice bad" role="alert">{say(error, labelOf)}</p>}
          <fieldset className="card" disabled={!can}>
            <div className="form-grid">
              {fields.map((field, index) => (
                <div key={field.id} className={field.whole || field.kind === 'area' ? 'whole' : undefined}>
                  <Input field={field} value={head[field.id]} said={field.named && head[field.id] === first[field.id] ? first[field.named] : undefined} error={faultOf(wrong, field.id)} put={(value) => put(field.id, value)} first={index === 0 && no === null} />
                </div>
              ))}
            </div>
          </fieldset>
          <section className="card">
            <div className="bar">
              <h2 className="grow">{t.lines}</h2>
              <select className="input filter-choice" aria-label={t.vat} disabled={!can} value={String(head['vatCalculation'] !== false)} onChange={(event) => put('vatCalculation', event.target.value === 'true')}>
                {(['true', 'false'] as const).map((value) => <option key={value} value={value}>{`${t.vat} ${t.vats[value]}`}</option>)}
              </select>
            </div>
            <div className="table-wrap" tabIndex={0} role="region" aria-label={t.lines}>
              <table className="table lines">
                <thead>
                  <tr>
                    <th scope="col">{t.product}</th>
                    <th scope="col">{t.qty}</th>
                    <th scope="col">{t.unit}</th>
                    <th scope="col">{t.price}</th>
                    <th scope="col" colSpan={2}>{t.discount}</th>
                    <th scope="col">{t.vatRate}</th>
                    <th scope="col" className="number">{t.total}</th>
                    <td />
                  </tr>
                </thead>
                <tbody ref={grid}>
                  {lines.map((line, index) => (
                    <tr key={`${line.productCode} ${index}`}>
                      {cell(index, 'productName', t.product, false)}
                      {cell(index, 'qty', t.qty)}
                      {cell(index, 'productUnitName', t.unit, false)}
                      {cell(index, 'price', t.price)}
                      {cell(index, 'discountValue', t.discount)}
                      <td>
                        <button type="button" className="button" disabled={!can} aria-label={`${t.discount}: ${line.discountType ? t.percent : t.baht}`} onClick={() => putLine(index, { discountType: !line.discountType })}>
                          {line.discountType ? t.percent : t.baht}
                        </button>
                      </td>
                      {cell(index, 'vatTaxValue', t.vatRate)}
                      <td className="number">{line.totalPrice == null ? '' : formatMoney(line.totalPrice, currency)}</td>
                      <td><span className="row">{can && <IconButton icon="plus" label={`${t.doubleLine}: ${line.productName}`} keys="Mod+d" onClick={() => double(index)} />}{can && <IconButton icon="close" label={t.removeLine(line.productName)} onClick={() => { setDirty(true); setLines((now) => now.filter((_, at) => at !== index)); }} />}</span></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {wrong['quotationDetails'] && <p className="fault">{wrong['quotationDetails']}</p>}
            {can && <div><Button icon="plus" onClick={() => setPicking(true)}>{t.addLine}</Button></div>}
          </section>
          {can && (
            <div className="bar">
              <Button type="submit" look="main" busy={busy} keys="Mod+Enter">{core.act.save}</Button>
            </div>
          )}
        </div>
        <div>
          <section className="card" aria-label={t.total}>
            <dl className="pairs">
              {(['subTotal', 'subTotalWithDiscount', 'totalVat', 'grandTotal'] as const).map((key) =>
                first[key] == null ? null : (
                  <div key={key} className="pair">
                    <dt>{{ subTotal: t.subTotal, subTotalWithDiscount: t.afterDiscount, totalVat: t.totalVat, grandTotal: t.grandTotal }[key]}</dt>
                    <dd className="number">{dirty ? '…' : formatMoney(first[key] as string, currency)}</dd>
                  </div>
                ),
              )}
            </dl>
            {(dirty || no === null) && <p className="hint">{t.totalsHint}</p>}
          </section>
          {no && <Revisions no={no} />}
          {no && <History of={`quotation/${no}`} fields={fields} />}
        </div>
      </form>
      {picking && (
        <PickDialog
          picker={productPicker(t.addLine)}
          onClose={() => setPicking(false)}
          onChoose={(option) => {
            const more = JSON.parse(option.more ?? '{}') as { price?: number | null; unit?: string | null };
            setPicking(false);
            setDirty(true);
            setLines((now) => [...now, { productCode: option.id, productName: option.label, qty: '1', price: text(more.price), productUnitName: text(more.unit), discountType: false, discountValue: '', vatTaxValue: '' }]);
            setTimeout(() => [...(grid.current?.querySelectorAll<HTMLInputElement>('tr:last-child input') ?? [])][1]?.focus());
          }}
        />
      )}
    </div>
  );
}
