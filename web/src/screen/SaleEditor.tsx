import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState, type SyntheticEvent, type ReactNode } from 'react';
import { call, Refusal } from '../api/client';
import { faultOf, faults, isPart } from '../api/words';
import { words } from '../i18n';
import { Button, IconButton } from '../ui/Button';
import { onSubmitKey, useFaultFocus } from '../ui/focus';
import { toast } from '../ui/Toast';
import { useUnsaved } from '../unsaved';
import { Input, settled, type FieldSpec, type Values } from './Form';
import { readNumber } from './number';
import { Refused } from './Refused';
import { History } from './Record';
import { isSameLines, linesOf, noNumbers, SaleLines, SaleSums, sentLines, text, type Line } from './SaleLines';

/** What differs between the kinds of sales documents. */
export interface SaleKind {
  /** Its queries: `quotation`. */
  query: string;
  /** Where it is saved. */
  path: string;
  /** `quotationNo`. */
  key: string;
  /** `quotationSubject`. */
  subject: string;
  /** What its lines are called when they are sent, and when they are read. */
  lines: string;
  linesRead: string;
  listAt: string;
  /** What the audit log calls it. */
  audit: string;
}

interface Props {
  kind: SaleKind;
  no: string | null;
  first: Values;
  version: string | null;
  /** Reads it again. */
  again(): Promise<Values>;
  fields: readonly FieldSpec[];
  making: string;
  saved: string;
  can: boolean;
  /** Why it cannot be changed, when it cannot. */
  fixed?: string;
  marks?: ReactNode;
  acts?(dirty: boolean): ReactNode;
  aside?: ReactNode;
}

/** A day that is so many days ahead, as the API writes days. */
export function day(ahead: number): string {
  const date = new Date(Date.now() + ahead * 86_400_000);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}-${String(date.getDate()).padStart(2, '0')}`;
}

/** The editor of a sales document: its head, its lines as a grid, its discount, and the totals that the server computed. */
export function SaleEditor({ kind, no, first, version, again, fields, making, saved, can, fixed, marks, acts, aside }: Props) {
  const t = words('work').quotation;
  const core = words('core');
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [head, setHead] = useState<Values>(first);
  const [lines, setLines] = useState<readonly Line[]>(() => linesOf(first[kind.linesRead]));
  const [base, setBase] = useState<Values>(first);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [dirty, setDirty] = useState(false);
  const [meanwhile, setMeanwhile] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFaultFocus(form, error);
  const wrong = faults(error);
  const title = no === null ? making : text(first[kind.subject]) || no;
  useEffect(() => {
    document.title = `${title} · Sala`;
  }, [title]);

  const cells: Record<string, string> = { qty: t.qty, price: t.price, discountValue: t.discount, vatTaxValue: t.vatRate, productUnitName: t.unit, productName: t.product, productCode: t.product };
  const labelOf = (name: string) => {
    const [, at, line, part] = /^(\w+)\[(\d+)\]\.(\w+)$/.exec(name) ?? [];
    if (at === kind.lines) return [lines[Number(line)]?.productName, cells[part ?? '']].filter(Boolean).join(': ');
    return fields.find((field) => isPart(name, field.id))?.label ?? (name === kind.lines ? t.lines : name.startsWith('discount') ? t.wholeDiscount : undefined);
  };
  useUnsaved(dirty && !busy);
  const take = (read: Values) => {
    setBase(read);
    setHead(read);
    setLines(linesOf(read[kind.linesRead]));
    setDirty(false);
    setMeanwhile(false);
  };
  // What somebody else saved meanwhile is taken where nothing was typed here.
  if (first !== base) {
    if (!dirty) take(first);
    else {
      const isTyped = (key: string) => JSON.stringify(head[key] ?? '') !== JSON.stringify(base[key] ?? '');
      setBase(first);
      setHead({ ...first, ...Object.fromEntries([...fields.map((field) => field.id), 'vatCalculation', 'discountType', 'discountValue', 'discountName'].filter(isTyped).map((key) => [key, head[key]])) });
      if (isSameLines(lines, linesOf(base[kind.linesRead]))) setLines(linesOf(first[kind.linesRead]));
      if (!busy) setMeanwhile(true);
    }
  }
  const put = (key: string, value: unknown) => {
    setDirty(true);
    setHead((now) => ({ ...now, [key]: value }));
  };

  async function save(event: SyntheticEvent) {
    event.preventDefault();
    if (busy || !can) return;
    setBusy(true);
    setError(null);
    const rest = Object.fromEntries(fields.filter((field) => !field.fixed).map((field) => [field.id, settled(field, head[field.id])]));
    const discount = readNumber(head['discountValue']);
    const body = {
      ...rest,
      vatCalculation: head['vatCalculation'] !== false,
      discountType: head['discountType'] === true,
      discountValue: discount == null ? null : Number(discount),
      discountName: text(head['discountName']) || null,
      ...(no === null ? {} : { [kind.key]: no }),
      [kind.lines]: sentLines(lines),
    };
    const noDay = Object.keys(rest).filter((id) => rest[id] === undefined);
    const noNumber = [...noNumbers(lines, kind.lines), ...(discount === undefined ? ['discountValue'] : [])];
    try {
      if (noNumber.length) throw Refusal.of('not_a_number', ...noNumber);
      if (noDay.length) throw Refusal.of('invalid_format', ...noDay);
      const answer = await call<Values | string>('POST', kind.path, { body, ...(version ? { match: version } : {}), ...(no === null ? { key: crypto.randomUUID() } : {}) });
      void cache.invalidateQueries({ queryKey: ['audit'] });
      toast(saved);
      const number = typeof answer === 'string' ? answer : text(answer?.[kind.key]);
      if (no === null && number) void navigate({ to: `${kind.listAt}/${encodeURIComponent(number)}` as never, replace: true }).then(() => document.querySelector<HTMLElement>('main')?.focus());
      if (no !== null) take(await again());
      await cache.invalidateQueries({ queryKey: [kind.query] });
    } catch (reason) {
      setError(reason);
      if (reason instanceof Refusal && reason.status === 412) {
        void cache.invalidateQueries({ queryKey: ['audit'] });
        await again();
        setMeanwhile(true);
      }
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="page">
      <header className="page-head">
        <IconButton icon="back" label={core.act.back} onClick={() => void navigate({ to: kind.listAt as never })} />
        <div className="record-title">
          <h1 className="line">{title}</h1>
          {no && <span className="chip">{no}</span>}
          {marks}
        </div>
        {no && acts?.(dirty)}
      </header>
      {!can && fixed && <p className="notice">{fixed}</p>}
      <form ref={form} className="sale" onSubmit={(event) => void save(event)} onKeyDownCapture={onSubmitKey((event) => void save(event))} noValidate>
        {meanwhile && <p className="notice warn" role="alert">{words('record').changed}</p>}
        {!(meanwhile && error instanceof Refusal && error.status === 412) && <Refused error={error} labelOf={labelOf} />}
        <fieldset className="card" disabled={!can}>
          <div className="form-grid">
            {fields.filter((field) => !field.fixed).map((field, index) => (
              <div key={field.id} className={field.whole || field.kind === 'area' ? 'whole' : undefined}>
                <Input field={field} value={head[field.id]} said={field.named && head[field.id] === first[field.id] ? first[field.named] : undefined} error={faultOf(wrong, field.id)} put={(value) => put(field.id, value)} first={index === 0 && no === null} />
              </div>
            ))}
          </div>
        </fieldset>
        <SaleLines
          name={kind.lines}
          lines={lines}
          wrong={wrong}
          can={can}
          currency={text(first['currencyCode']) || 'THB'}
          head={head}
          put={put}
          change={(by) => {
            setDirty(true);
            setLines(by);
          }}
        />
        <div className="sale-foot">
          <section className="card" aria-label={t.total}>
            <dl className="pairs"><SaleSums values={first} dirty={dirty} /></dl>
            {(dirty || no === null) && <p className="hint">{t.totalsHint}</p>}
          </section>
          {can && (
            <div className="bar">
              <Button type="submit" look="main" busy={busy} keys="Mod+Enter">{core.act.save}</Button>
            </div>
          )}
        </div>
        {no && (
          <div className="record">
            <div><History of={`${kind.audit}/${no}`} fields={fields} /></div>
            <div>{aside}</div>
          </div>
        )}
      </form>
    </div>
  );
}
