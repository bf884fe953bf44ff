import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type SyntheticEvent } from 'react';
import { call, may, Refusal } from '../../api/client';
import { faultOf, faults, say } from '../../api/words';
import { words } from '../../i18n';
import { formatNumber } from '../../i18n/format';
import { Ask, plain } from '../../screen/Ask';
import type { Values } from '../../screen/Form';
import { readNumber } from '../../screen/number';
import { Refused } from '../../screen/Refused';
import { useCommands } from '../../keys';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Field';
import { onSubmitKey, useFaultFocus } from '../../ui/focus';
import { toast } from '../../ui/Toast';
import { left, pathOf, type OrderLine } from './order';

type Open = 'payment' | 'cancel' | 'reject' | 'delivery' | 'return' | 'tax-invoice' | 'receipt';

/** The acts of an order, those that its state allows. */
export function OrderActs({ values, again }: { values: Values; again(): void }) {
  const t = words('work').order;
  const s = words('sale').order;
  const cache = useQueryClient();
  const [open, setOpen] = useState<Open | null>(null);
  const path = pathOf(String(values['salesOrderNo']));
  const status = Number(values['salesOrderStatus']);
  const lines = (values['salesorderDetails'] as OrderLine[] | undefined) ?? [];
  const waits = (values['approval'] as Values | null)?.['state'] === 'waiting';
  const can = may('salesorder:write');
  const alive = status === 2 || status === 3;
  const may2 = { deliver: can && status === 2 && !waits && lines.some((line) => left(line, false) > 0), back: can && alive && lines.some((line) => left(line, true) > 0), pay: can && alive && Number(values['outstandingAmount']) > 0, paper: may('taxdocument:write') && alive };
  const done = (what: string) => {
    toast(what);
    void cache.invalidateQueries({ queryKey: ['salesorder'] });
    void cache.invalidateQueries({ queryKey: ['taxdocument'] });
    again();
  };
  const post = async (what: string, body: unknown, said: string) => {
    await call('POST', `${path}/${what}`, { body, key: crypto.randomUUID() });
    done(said);
  };
  useCommands([
    ...(may2.pay ? [{ id: 'order.pay', label: t.addPayment, group: t.one, keys: ['p'], run: () => setOpen('payment') }] : []),
    ...(may2.deliver ? [{ id: 'order.deliver', label: s.deliver, group: t.one, keys: ['d'], run: () => setOpen('delivery') }] : []),
  ]);
  const today = new Date().toLocaleDateString('sv');
  const close = () => setOpen(null);
  const buyer = [
    { id: 'issueDate', label: s.issueDate, kind: 'date' as const },
    { id: 'buyerName', label: s.buyerName, hint: s.buyerHint },
    { id: 'buyerTaxNo', label: s.buyerTaxNo },
    { id: 'buyerBranchCode', label: s.buyerBranch },
    { id: 'buyerAddress', label: s.buyerAddress, kind: 'area' as const },
    { id: 'remark', label: t.remark, kind: 'area' as const },
  ];
  return (
    <>
      {waits && may('salesorder:approve') && <Button look="main" onClick={() => void post('approve', {}, s.approved).catch((error) => toast(say(error), { bad: true }))}>{s.approve}</Button>}
      {waits && may('salesorder:approve') && <Button onClick={() => setOpen('reject')}>{s.reject}</Button>}
      {may2.deliver && <Button keys="d" onClick={() => setOpen('delivery')}>{s.deliver}</Button>}
      {may2.pay && <Button keys="p" onClick={() => setOpen('payment')}>{t.addPayment}</Button>}
      {may2.paper && <Button onClick={() => setOpen('tax-invoice')}>{s.taxInvoice}</Button>}
      {may2.paper && Number(values['paidAmount']) > 0 && <Button onClick={() => setOpen('receipt')}>{s.receipt}</Button>}
      {may2.back && <Button onClick={() => setOpen('return')}>{s.takeBack}</Button>}
      {can && status <= 2 && <Button look="danger" onClick={() => setOpen('cancel')}>{t.cancel}</Button>}
      {open === 'payment' && (
        <Ask
          title={t.addPayment}
          fields={[
            { id: 'amount', label: t.amount, kind: 'number', required: true },
            { id: 'paidDate', label: s.paidDate, kind: 'date' },
            { id: 'method', label: s.method, kind: 'choice', options: Object.entries(s.methods).map(([value, label]) => ({ value, label })) },
            { id: 'reference', label: t.reference },
            { id: 'note', label: s.note, kind: 'area' },
          ]}
          first={{ amount: Number(values['outstandingAmount']), paidDate: today, method: 'transfer' }}
          onClose={close}
          save={(body) => post('payments', body, t.entered)}
        />
      )}
      {(open === 'cancel' || open === 'reject') && (
        <Ask
          title={open === 'cancel' ? t.cancel : s.reject}
          act={open === 'cancel' ? s.cancelDo : s.reject}
          look="danger"
          text={open === 'cancel' ? <p>{s.cancelText}</p> : undefined}
          fields={[{ id: 'reason', label: t.reason, kind: 'area' }]}
          first={{ reason: '' }}
          onClose={close}
          save={(body) => post(open, body, open === 'cancel' ? t.cancelled : s.rejected)}
        />
      )}
      {(open === 'tax-invoice' || open === 'receipt') && (
        <Ask
          title={open === 'receipt' ? s.receipt : s.taxInvoice}
          text={<p>{s.lawText}</p>}
          act={open === 'receipt' ? s.receiptDo : s.taxInvoiceDo}
          fields={buyer}
          first={{ issueDate: today }}
          onClose={close}
          save={(body) => post(open, body, s.issued)}
        />
      )}
      {(open === 'delivery' || open === 'return') && <Hand lines={lines} back={open === 'return'} onClose={close} save={(body) => post(open, body, open === 'return' ? s.tookBack : s.handed)} />}
    </>
  );
}

/** How many of each line are handed over, or taken back. */
function Hand({ lines, back, save, onClose }: { lines: OrderLine[]; back: boolean; save(body: unknown): Promise<void>; onClose(): void }) {
  const t = words('work').order;
  const s = words('sale').order;
  const core = words('core').act;
  const shown = lines.map((line, index) => ({ line, index })).filter(({ line }) => left(line, back) > 0);
  const [counts, setCounts] = useState<Record<number, string>>(() => Object.fromEntries(shown.map(({ line, index }) => [index, back ? '' : String(left(line, false))])));
  const [serials, setSerials] = useState<Record<number, string>>({});
  const [tracking, setTracking] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFaultFocus(form, error);
  function submit(event: SyntheticEvent) {
    event.preventDefault();
    if (noNumber.length) return setError(Refusal.of('not_a_number', ...noNumber.map((index) => `lines[${index}].qty`)));
    const some = shown
      .map(({ line, index }) => ({ line: index, productCode: line.productCode, qty: Number(readNumber(counts[index]) ?? 0), serialNumbers: (serials[index] ?? '').split(/[\s,]+/).filter(Boolean) }))
      .filter((item) => item.qty > 0);
    const items = some.map(({ serialNumbers, ...item }) => (serialNumbers.length ? { ...item, serialNumbers } : item));
    // The server counts what was sent; here a fault stands at its line.
    const refuse = (reason: unknown) => setError(reason instanceof Refusal ? reason.calling((field) => field.replace(/^items\[(\d+)\]/, (_, at) => `lines[${some[Number(at)]?.line ?? at}]`)) : reason);
    setBusy(true);
    setError(null);
    save({ items, ...(tracking.trim() ? { trackingNo: tracking.trim() } : {}) }).then(onClose, refuse).finally(() => setBusy(false));
  }
  const noNumber = shown.map(({ index }) => index).filter((index) => readNumber(counts[index]) === undefined);
  const wrong = faults(error);
  const none = noNumber.length === 0 && shown.every(({ index }) => !(Number(readNumber(counts[index]) ?? 0) > 0));
  return (
    <Dialog title={plain(back ? s.takeBack : s.deliver)} onClose={onClose}>
      <form ref={form} className="dialog-content" onSubmit={submit} onKeyDownCapture={onSubmitKey((event) => { if (!none && !busy) submit(event); })} noValidate>
        <Refused error={error} labelOf={(name) => lines[Number(/^lines\[(\d+)\]/.exec(name)?.[1])]?.productName} />
        {shown.map(({ line, index }, place) => (
          <div key={index} className="form-grid">
            <TextField label={`${line.productName} (${s.leftOf(formatNumber(left(line, back)))})`} inputMode="decimal" autoFocus={place === 0} error={faultOf(wrong, `lines[${index}].qty`) ?? wrong[`lines[${index}]`] ?? wrong[`lines[${index}].productCode`]} value={counts[index] ?? ''} onChange={(event) => setCounts((now) => ({ ...now, [index]: event.target.value }))} />
            <TextField label={`${s.serials}: ${line.productName}`} error={faultOf(wrong, `lines[${index}].serialNumbers`)} value={serials[index] ?? ''} onChange={(event) => setSerials((now) => ({ ...now, [index]: event.target.value }))} />
          </div>
        ))}
        {!back && <TextField label={t.tracking} value={tracking} onChange={(event) => setTracking(event.target.value)} />}
        <div className="dialog-foot">
          <Button onClick={onClose}>{core.back}</Button>
          <Button type="submit" look="main" busy={busy} disabled={none}>{plain(back ? s.takeBack : s.deliver)}</Button>
        </div>
      </form>
    </Dialog>
  );
}
