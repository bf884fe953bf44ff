import { Link, useParams } from '@tanstack/react-router';
import { may } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatMoney, formatNumber } from '../../i18n/format';
import { DocumentActs } from '../../screen/Document';
import type { FieldSpec, Values } from '../../screen/Form';
import { employeePicker } from '../../screen/Pick';
import { RecordScreen } from '../../screen/Record';
import { read } from '../../screen/resource';
import '../../screen/screen.css';
import { look, ORDER } from './order';
import { OrderActs } from './OrderActs';
import { Payments, TaxDocuments } from './Papers';

/** One order: what was sold, handed over and paid, its papers, and its acts. */
export function OrderPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').order;
  const s = words('sale').order;
  const fields: FieldSpec[] = [
    { id: 'salesOrderNo', label: t.no, fixed: true },
    { id: 'salesOrderDate', label: t.date, kind: 'date', fixed: true },
    { id: 'staffCode', label: t.staff, kind: 'pick', picker: employeePicker(t.staff), fixed: true },
    { id: 'warehouseCode', label: s.warehouse, fixed: true },
    { id: 'recipientName', label: t.recipient, fixed: true },
    { id: 'recipientAddress', label: t.address, kind: 'area', fixed: true },
    { id: 'trackingNo', label: t.tracking, fixed: true },
    { id: 'paymentTerm', label: words('work').quotation.term, fixed: true },
    { id: 'remark', label: t.remark, kind: 'area', fixed: true },
    { id: 'privateNote', label: s.note, kind: 'area', fixed: true },
    { id: 'reason', label: t.reason, kind: 'area', fixed: true },
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
          <span className="chip">{s.deliveries[String(values['deliveryState'])] ?? String(values['deliveryState'])}</span>
          {(values['approval'] as Values | null)?.['state'] === 'waiting' && <span className="chip warn">{s.waits}</span>}
        </>
      )}
      acts={(values, again) => (
        <>
          <DocumentActs kind="salesorder" no={String(values['salesOrderNo'])} />
          <OrderActs values={values} again={again} />
        </>
      )}
      read={(key) => read(ORDER, key)}
      audit={(values) => `sales_order/${String(values['salesOrderNo'])}`}
      below={(values) => (
        <>
          <Lines values={values} />
          <Payments no={String(values['salesOrderNo'])} currency={String(values['currencyCode'] || 'THB')} />
          {may('taxdocument:read') && <TaxDocuments no={String(values['salesOrderNo'])} />}
        </>
      )}
      aside={(values) => <Sums values={values} />}
    />
  );
}

function Lines({ values }: { values: Values }) {
  const t = words('work').quotation;
  const s = words('sale').order;
  const lines = (values['salesorderDetails'] as Values[] | undefined) ?? [];
  const currency = String(values['currencyCode'] || 'THB');
  const number = (value: unknown) => formatNumber(Number(value ?? 0));
  return (
    <section className="card">
      <h2>{t.lines}</h2>
      <div className="table-wrap" tabIndex={0} role="region" aria-label={t.lines}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t.product}</th>
              <th scope="col" className="number">{t.qty}</th>
              <th scope="col" className="number wide-only">{s.delivered}</th>
              <th scope="col" className="number wide-only">{s.returned}</th>
              <th scope="col" className="number wide-only">{t.price}</th>
              <th scope="col" className="number">{t.total}</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line, index) => (
              <tr key={index}>
                <td>{String(line['productName'] ?? line['productCode'])}</td>
                <td className="number">{`${number(line['qty'])} ${line['productUnitName'] ?? ''}`}</td>
                <td className="number wide-only">{number(line['deliveredQty'])}</td>
                <td className="number wide-only">{number(line['returnedQty'])}</td>
                <td className="number wide-only">{formatMoney(line['price'] as string, currency)}</td>
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
        <dt>{t.customer}</dt>
        <dd><Link to="/customers/$code" params={{ code: String(values['customerCode']) }}>{String(values['customerName'])}</Link></dd>
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
