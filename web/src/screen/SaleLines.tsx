import { useRef, useState, type KeyboardEvent } from 'react';
import { words } from '../i18n';
import { formatMoney } from '../i18n/format';
import { Button, IconButton } from '../ui/Button';
import { TextField } from '../ui/Field';
import type { Values } from './Form';
import { PickDialog, productPicker } from './Pick';
import { readNumber } from './number';

/** A line of a quotation or an order while it is edited. What is typed stays a text until it is sent. */
export interface Line {
  productCode: string;
  productName: string;
  qty: string;
  price: string;
  productUnitName: string;
  discountType: boolean;
  discountValue: string;
  vatTaxValue: string;
  totalPrice?: string | number | null;
  /** What a line has that is not edited here: it is sent back as it was. */
  kept: Values;
}

const KEPT = ['productDescription', 'whtTaxValue', 'warehouseCode', 'isShipping'] as const;
const NUMBERS = ['qty', 'price', 'discountValue', 'vatTaxValue'] as const;
export const text = (value: unknown) => (value === null || value === undefined ? '' : String(value));
const amount = (value: string) => {
  const plain = readNumber(value);
  return plain == null ? null : Number(plain);
};

/** A line as it is edited, out of one that was read. */
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
  kept: Object.fromEntries(KEPT.filter((key) => read[key] != null).map((key) => [key, read[key]])),
});
export const linesOf = (read: unknown): Line[] => ((read as Values[] | null | undefined) ?? []).map(lineOf);

/** The lines as they are sent. */
export const sentLines = (lines: readonly Line[]) =>
  lines.map((line) => ({
    ...line.kept,
    productCode: line.productCode,
    productName: line.productName || null,
    qty: amount(line.qty),
    price: amount(line.price),
    productUnitName: line.productUnitName || null,
    discountType: line.discountType,
    discountValue: amount(line.discountValue),
    vatTaxValue: amount(line.vatTaxValue),
  }));

/** The fields of lines that hold no number. */
export const noNumbers = (lines: readonly Line[], name: string) => lines.flatMap((line, index) => NUMBERS.filter((key) => readNumber(line[key]) === undefined).map((key) => `${name}[${index}].${key}`));

/** The same but for the totals, which are the server's. */
export const isSameLines = (some: readonly Line[], others: readonly Line[]) => {
  const plain = (lines: readonly Line[]) => JSON.stringify(lines.map((line) => ({ ...line, totalPrice: null })));
  return plain(some) === plain(others);
};

interface Props {
  /** What the lines are called in faults: `quotationDetails`. */
  name: string;
  lines: readonly Line[];
  wrong: Record<string, string>;
  can: boolean;
  currency: string;
  change(lines: (now: readonly Line[]) => readonly Line[]): void;
  head: Values;
  put(key: string, value: unknown): void;
}

/** The lines of a sale as a grid, with the discount on the whole below them. */
export function SaleLines({ name, lines, wrong, can, currency, change, head, put }: Props) {
  const t = words('work').quotation;
  const [picking, setPicking] = useState(false);
  const grid = useRef<HTMLTableSectionElement>(null);
  const putLine = (index: number, by: Partial<Line>) => change((now) => now.map((line, at) => (at === index ? { ...line, ...by, totalPrice: null } : line)));
  const double = (index: number) => change((now) => now.flatMap((line, at) => (at === index ? [line, { ...line, totalPrice: null }] : [line])));

  function onCell(event: KeyboardEvent<HTMLElement>, index: number) {
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      const cells = [...(grid.current?.querySelectorAll<HTMLInputElement>('input') ?? [])];
      const next = cells[cells.indexOf(event.target) + 1];
      if (next) next.focus();
      else setPicking(true);
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'd') {
      event.preventDefault();
      double(index);
    }
  }
  const cell = (index: number, key: 'productName' | 'qty' | 'price' | 'productUnitName' | 'discountValue' | 'vatTaxValue', label: string, number = true) => {
    const fault = wrong[`${name}[${index}].${key}`];
    return (
      <td className={`line-${key}`} data-label={label}>
        <input
          aria-label={`${label}: ${lines[index]?.productName}`}
          inputMode={number ? 'decimal' : 'text'}
          className={number ? 'number' : ''}
          value={lines[index]?.[key] ?? ''}
          disabled={!can}
          aria-invalid={fault ? true : undefined}
          aria-describedby={fault ? `line-${index}-${key}` : undefined}
          onChange={(event) => putLine(index, { [key]: event.target.value })}
          onKeyDown={(event) => onCell(event, index)}
        />
        {fault && <p id={`line-${index}-${key}`} className="fault">{fault}</p>}
      </td>
    );
  };
  return (
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
                <td className="line-mode" data-label={t.discountIn}>
                  <button type="button" className="button" disabled={!can} aria-label={`${t.discount}: ${line.discountType ? t.percent : t.baht}`} onClick={() => putLine(index, { discountType: !line.discountType })}>
                    {line.discountType ? t.percent : t.baht}
                  </button>
                </td>
                {cell(index, 'vatTaxValue', t.vatRate)}
                <td className="number line-total" data-label={t.total}>{line.totalPrice == null ? '' : formatMoney(line.totalPrice, currency)}</td>
                <td className="line-acts"><span className="row">{can && <IconButton icon="plus" label={`${t.doubleLine}: ${line.productName}`} keys="Mod+d" onClick={() => double(index)} />}{can && <IconButton icon="close" label={t.removeLine(line.productName)} onClick={() => change((now) => now.filter((_, at) => at !== index))} />}</span></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {wrong[name] && <p className="fault">{wrong[name]}</p>}
      {can && <div><Button icon="plus" onClick={() => setPicking(true)}>{t.addLine}</Button></div>}
      <fieldset className="whole-discount" disabled={!can}>
        <legend className="small muted">{t.wholeDiscount}</legend>
        <TextField label={t.discount} name="discountValue" inputMode="decimal" className="number" error={wrong['discountValue'] ?? wrong['discountType']} value={text(head['discountValue'])} onChange={(event) => put('discountValue', event.target.value)} />
        <div className="modes" role="group" aria-label={t.discountIn}>
          {([true, false] as const).map((percent) => (
            <button key={String(percent)} type="button" aria-pressed={(head['discountType'] === true) === percent} onClick={() => put('discountType', percent)}>{percent ? t.percent : currency}</button>
          ))}
        </div>
        <TextField label={t.discountName} name="discountName" maxLength={200} error={wrong['discountName']} value={text(head['discountName'])} onChange={(event) => put('discountName', event.target.value)} />
      </fieldset>
      {picking && (
        <PickDialog
          picker={productPicker(t.addLine)}
          onClose={() => setPicking(false)}
          onChoose={(option) => {
            const more = JSON.parse(option.more ?? '{}') as { price?: number | null; unit?: string | null };
            setPicking(false);
            change((now) => [...now, { productCode: option.id, productName: option.label, qty: '1', price: text(more.price), productUnitName: text(more.unit), discountType: false, discountValue: '', vatTaxValue: '', kept: {} }]);
            setTimeout(() => [...(grid.current?.querySelectorAll<HTMLInputElement>('tr:last-child input') ?? [])][1]?.focus());
          }}
        />
      )}
    </section>
  );
}

/** What a sale comes to, as the server computed it. */
export function SaleSums({ values, dirty = false, more = [] }: { values: Values; dirty?: boolean; more?: readonly (readonly [string, string])[] }) {
  const t = words('work').quotation;
  const currency = text(values['currencyCode']) || 'THB';
  const isDiscounted = Number(values['discountAmount'] ?? 0) !== 0;
  const name = [t.discount, text(values['discountName'])].filter(Boolean).join(': ');
  const rate = values['discountType'] === true && isDiscounted ? ` (${text(values['discountValue'])} %)` : '';
  const sums: (readonly [string, string])[] = [[t.subTotal, 'subTotal'], ...(isDiscounted ? [[`${name}${rate}`, 'discountAmount'], [t.afterDiscount, 'subTotalWithDiscount']] as const : []), [t.totalVat, 'totalVat'], [t.grandTotal, 'grandTotal'], ...more];
  return (
    <>
      {sums.map(([label, key]) => (values[key] == null ? null : (
        <div key={key} className="pair">
          <dt>{label}</dt>
          <dd className="number" data-sum={key}>{dirty ? '…' : formatMoney(key === 'discountAmount' ? -Number(values[key]) : (values[key] as string), currency)}</dd>
        </div>
      )))}
    </>
  );
}
