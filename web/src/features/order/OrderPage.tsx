import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { may, session } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatMoney, formatNumber } from '../../i18n/format';
import { DocumentActs } from '../../screen/Document';
import type { FieldSpec, Values } from '../../screen/Form';
import { customerPicker, employeePicker } from '../../screen/Pick';
import { RecordScreen } from '../../screen/Record';
import { read } from '../../screen/resource';
import { day, SaleEditor, type SaleKind } from '../../screen/SaleEditor';
import { SaleSums } from '../../screen/SaleLines';
import '../../screen/screen.css';
import { Failed, Loading } from '../../ui/State';
import { look, ORDER } from './order';
import { OrderActs } from './OrderActs';
import { Payments, TaxDocuments } from './Papers';

const KIND: SaleKind = { query: 'salesorder', path: '/v2/salesorder', key: 'salesOrderNo', subject: 'salesOrderSubject', lines: 'salesOrderDetails', linesRead: 'salesorderDetails', listAt: '/orders', audit: 'sales_order' };

/** One order. A draft, and a new one, is edited; any other is read. */
export function OrderPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const found = useQuery({ queryKey: ['salesorder', id], queryFn: () => read(ORDER, id), enabled: id !== 'new' });
  if (id === 'new') return <Draft key={id} no={null} version={null} again={() => Promise.resolve({})} />;
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (Number(found.data.values['salesOrderStatus']) === 1 && may('salesorder:write'))
    return <Draft key={id} no={id} values={found.data.values} version={found.data.version} again={async () => (await found.refetch()).data?.values ?? found.data.values} />;
  return <Placed id={id} />;
}

/** An order that is still being written. */
function Draft({ no, values, version, again }: { no: string | null; values?: Values; version: string | null; again(): Promise<Values> }) {
  const t = words('work').order;
  const q = words('work').quotation;
  const s = words('sale').order;
  const [blank] = useState<Values>(() => ({ salesOrderStatus: 1, salesOrderDate: day(0), vatCalculation: true, discountType: true, staffCode: session.get()?.user.staffCode ?? null }));
  const first = values ?? blank;
  const fields: FieldSpec[] = [
    { id: 'salesOrderSubject', label: t.subject, required: true, whole: true },
    // An order stays with its customer.
    { id: 'customerCode', label: t.customer, kind: 'pick', required: true, picker: customerPicker(t.customer), named: 'customerName', fixed: no !== null },
    { id: 'staffCode', label: t.staff, kind: 'pick', picker: employeePicker(t.staff) },
    { id: 'salesOrderDate', label: t.date, kind: 'date', required: true },
    { id: 'salesOrderStatus', label: t.status, kind: 'choice', required: true, hint: s.openHint, options: [1, 2].map((value) => ({ value, label: t.statuses[value] ?? String(value) })) },
    { id: 'referenceNo', label: t.reference },
    { id: 'warehouseCode', label: s.warehouse, kind: 'choice', list: 'warehouses' },
    { id: 'recipientName', label: t.recipient },
    { id: 'paymentTerm', label: q.term },
    { id: 'recipientAddress', label: t.address, kind: 'area' },
    { id: 'remark', label: t.remark, kind: 'area' },
    { id: 'privateNote', label: s.privateNote, kind: 'area' },
  ];
  return (
    <SaleEditor
      kind={KIND}
      no={no}
      first={first}
      version={version}
      again={again}
      fields={fields}
      making={t.create}
      saved={q.saved}
      can={may('salesorder:write')}
      marks={no && <Marks values={first} />}
      acts={(dirty) => (
        <>
          <DocumentActs kind="salesorder" no={String(no)} disabled={dirty} />
          {!dirty && <OrderActs values={first} again={() => void again()} />}
        </>
      )}
      aside={no && (
        <section className="card" aria-label={t.customer}>
          <dl className="pairs"><About values={first} /></dl>
        </section>
      )}
    />
  );
}

/** The states of an order. */
function Marks({ values }: { values: Values }) {
  const t = words('work').order;
  const s = words('sale').order;
  return (
    <>
      <span className="chip info">{t.statuses[Number(values['salesOrderStatus'])]}</span>
      <span className={`chip ${look(String(values['paymentState']), values['isOverdue'] === true)}`}>{values['isOverdue'] === true ? t.overdue : t.payments[String(values['paymentState'])]}</span>
      <span className="chip">{s.deliveries[String(values['deliveryState'])] ?? String(values['deliveryState'])}</span>
      {(values['approval'] as Values | null)?.['state'] === 'waiting' && <span className="chip warn">{s.waits}</span>}
    </>
  );
}

/** One order that was placed: what was sold, handed over and paid, its papers, and its acts. */
function Placed({ id }: { id: string }) {
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
          <Marks values={values} />
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

/** Whom an order is for, and what it came of. */
function About({ values }: { values: Values }) {
  const t = words('work').order;
  const quotation = values['quotationNo'] as string | null;
  return (
    <>
      <div className="pair">
        <dt>{t.customer}</dt>
        <dd><Link to="/customers/$code" params={{ code: String(values['customerCode']) }}>{String(values['customerName'])}</Link></dd>
      </div>
      {quotation && (
        <div className="pair">
          <dt>{t.quotation}</dt>
          <dd><Link to="/quotations/$id" params={{ id: quotation }}>{quotation}</Link></dd>
        </div>
      )}
    </>
  );
}

function Sums({ values }: { values: Values }) {
  const t = words('work').order;
  return (
    <section className="card" aria-label={t.payment}>
      <dl className="pairs">
        <About values={values} />
        <SaleSums values={values} more={[[t.paid, 'paidAmount'], [t.outstanding, 'outstandingAmount']]} />
        {values['dueDate'] ? <><dt>{t.due}</dt><dd>{formatDay(values['dueDate'] as string)}</dd></> : null}
      </dl>
    </section>
  );
}
