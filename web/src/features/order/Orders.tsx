import { useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { call, may } from '../../api/client';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { formatDay, formatMoney, formatNumber } from '../../i18n/format';
import type { FieldSpec, Values } from '../../screen/Form';
import { ListScreen } from '../../screen/List';
import { RecordScreen } from '../../screen/Record';
import { asBody, enquire, read } from '../../screen/resource';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Field';
import { toast } from '../../ui/Toast';

const ORDER = { path: '/v2/salesorder', key: 'salesOrderNo' };

interface Row {
  salesOrderNo: string;
  salesOrderSubject: string;
  salesOrderStatus: number;
  salesOrderDate: string;
  customerName: string;
  grandTotal: string | number;
  currencyCode: string;
  paymentState: string;
  isOverdue: boolean;
}

const look = (state: string, late: boolean) => (late ? 'bad' : state === 'paid' ? 'good' : state === 'partly' ? 'info' : '');

/** All sales orders, the newest first. */
export function Orders() {
  const t = words('work').order;
  return (
    <ListScreen<Row>
      title={t.title}
      icon="cart"
      at="/orders"
      kind="salesorder"
      empty={t.empty}
      filters={[
        { id: 'status', label: t.status, options: Object.entries(t.statuses).map(([value, label]) => ({ value, label })) },
        { id: 'payment', label: t.payment, options: Object.entries(t.payments).map(([value, label]) => ({ value, label })) },
      ]}
      idOf={(row) => row.salesOrderNo}
      linkOf={(row) => `/orders/${encodeURIComponent(row.salesOrderNo)}`}
      fetch={({ status, payment, ...asked }, next, signal) => enquire<Row>(`${ORDER.path}/enquiry`, { ...asBody(asked), salesOrderStatus: status ? Number(status) : undefined, paymentState: payment }, next, signal)}
      columns={[
        { id: 'subject', label: t.subject, show: (row) => row.salesOrderSubject || row.salesOrderNo },
        { id: 'no', label: t.no, show: (row) => row.salesOrderNo, wide: true },
        { id: 'status', label: t.status, show: (row) => <span className={`chip ${row.salesOrderStatus === 3 ? 'good' : row.salesOrderStatus === 2 ? 'info' : ''}`}>{t.statuses[row.salesOrderStatus]}</span> },
        { id: 'customer', label: t.customer, show: (row) => row.customerName, wide: true },
        { id: 'payment', label: t.payment, show: (row) => <span className={`chip ${look(row.paymentState, row.isOverdue)}`}>{row.isOverdue ? t.overdue : t.payments[row.paymentState] ?? row.paymentState}</span>, wide: true },
        { id: 'date', label: t.date, show: (row) => formatDay(row.salesOrderDate), wide: true },
        { id: 'total', label: words('work').quotation.grandTotal, show: (row) => formatMoney(row.grandTotal, row.currencyCode || 'THB'), number: true },
      ]}
    />
  );
}

/** One order: what was sold, what was paid, and its few acts. */
export function OrderPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').order;
  const fields: FieldSpec[] = [
    { id: 'salesOrderNo', label: t.no, fixed: true },
    { id: 'customerName', label: t.customer, fixed: true },
    { id: 'salesOrderDate', label: t.date, kind: 'date', fixed: true },
    { id: 'staffCode', label: t.staff, fixed: true },
    { id: 'recipientName', label: t.recipient, fixed: true },
    { id: 'recipientAddress', label: t.address, kind: 'area', fixed: true },
    { id: 'deliveryState', label: t.delivery, fixed: true },
    { id: 'trackingNo', label: t.tracking, fixed: true },
    { id: 'remark', label: t.remark, kind: 'area', fixed: true },
  ];
  return (
    <RecordScreen
      key={id}
      kind="salesorder"
      kindName={t.one}
      id={id}
      listAt="/orders"
      fields={fields}
      titleOf={(values) => String(values['salesOrderSubject'] || values['salesOrderNo'])}
      marks={(values) => (
        <>
          <span className="chip">{String(values['salesOrderNo'])}</span>
          <span className="chip info">{t.statuses[Number(values['salesOrderStatus'])]}</span>
          <span className={`chip ${look(String(values['paymentState']), values['isOverdue'] === true)}`}>{values['isOverdue'] === true ? t.overdue : t.payments[String(values['paymentState'])]}</span>
        </>
      )}
      acts={(values, again) => may('salesorder:write') && Number(values['salesOrderStatus']) <= 2 && <Acts no={String(values['salesOrderNo'])} again={again} />}
      read={(key) => read(ORDER, key)}
      audit={(values) => `salesorder/${String(values['salesOrderNo'])}`}
      below={(values) => <Lines values={values} />}
      aside={(values) => <Sums values={values} />}
    />
  );
}

function Lines({ values }: { values: Values }) {
  const t = words('work').quotation;
  const lines = (values['salesorderDetails'] as Values[] | undefined) ?? [];
  const currency = String(values['currencyCode'] || 'THB');
  return (
    <section className="card">
      <h2>{t.lines}</h2>
      <div className="table-wrap" tabIndex={0} role="region" aria-label={t.lines}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t.product}</th>
              <th scope="col" className="number">{t.qty}</th>
              <th scope="col" className="number">{t.price}</th>
              <th scope="col" className="number">{t.total}</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line, index) => (
              <tr key={index}>
                <td>{String(line['productName'] ?? line['productCode'])}</td>
                <td className="number">{`${formatNumber(Number(line['qty']))} ${line['productUnitName'] ?? ''}`}</td>
                <td className="number">{formatMoney(line['price'] as string, currency)}</td>
                <td className="number">{formatMoney(line['totalPrice'] as string, currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Sums({ values }: { values: Values }) {
  const t = words('work').order;
  const q = words('work').quotation;
  const currency = String(values['currencyCode'] || 'THB');
  const sums = [
    [q.subTotal, 'subTotal'],
    [q.afterDiscount, 'subTotalWithDiscount'],
    [q.totalVat, 'totalVat'],
    [q.grandTotal, 'grandTotal'],
    [t.paid, 'paidAmount'],
    [t.outstanding, 'outstandingAmount'],
  ] as const;
  const quotation = values['quotationNo'] as string | null;
  return (
    <section className="card" aria-label={t.payment}>
      <dl className="pairs">
        {sums.map(([label, key]) => (values[key] == null ? null : (
          <div key={key} className="pair">
            <dt>{label}</dt>
            <dd className="number">{formatMoney(values[key] as string, currency)}</dd>
          </div>
        )))}
        {values['dueDate'] ? <><dt>{t.due}</dt><dd>{formatDay(values['dueDate'] as string)}</dd></> : null}
        {quotation ? <><dt>{t.quotation}</dt><dd><Link to="/quotations/$id" params={{ id: quotation }}>{quotation}</Link></dd></> : null}
      </dl>
    </section>
  );
}

function Acts({ no, again }: { no: string; again(): void }) {
  const t = words('work').order;
  const core = words('core').act;
  const cache = useQueryClient();
  const [open, setOpen] = useState<'payment' | 'cancel' | null>(null);
  const [amount, setAmount] = useState('');
  const [text, setText] = useState('');
  const [key] = useState(() => crypto.randomUUID());
  const path = `${ORDER.path}/${encodeURIComponent(no)}`;
  function submit(event: FormEvent) {
    event.preventDefault();
    const run = open === 'payment' ? call('POST', `${path}/payments`, { body: { amount: Number(amount.replaceAll(',', '')), reference: text || null }, key }) : call('POST', `${path}/cancel`, { body: { reason: text || null } });
    run.then(
      () => {
        toast(open === 'payment' ? t.entered : t.cancelled);
        setOpen(null);
        void cache.invalidateQueries({ queryKey: ['salesorder'] });
        again();
      },
      (error) => toast(say(error), { bad: true }),
    );
  }
  return (
    <>
      <Button onClick={() => setOpen('payment')}>{t.addPayment}</Button>
      <Button look="danger" onClick={() => setOpen('cancel')}>{t.cancel}</Button>
      {open && (
        <Dialog title={open === 'payment' ? t.addPayment : t.cancel} onClose={() => setOpen(null)}>
          <form className="dialog-content" onSubmit={submit}>
            {open === 'payment' && <TextField label={t.amount} inputMode="decimal" required autoFocus value={amount} onChange={(event) => setAmount(event.target.value)} />}
            <TextField label={open === 'payment' ? t.reference : t.reason} autoFocus={open === 'cancel'} value={text} onChange={(event) => setText(event.target.value)} />
            <div className="dialog-foot">
              <Button onClick={() => setOpen(null)}>{core.back}</Button>
              <Button type="submit" look={open === 'payment' ? 'main' : 'danger'}>{core.confirm}</Button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
