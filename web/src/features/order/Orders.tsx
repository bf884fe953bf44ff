import { may } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatMoney } from '../../i18n/format';
import { ListScreen } from '../../screen/List';
import { Coded } from '../../screen/names';
import { asBody, enquire } from '../../screen/resource';
import '../../screen/screen.css';
import { look, ORDER } from './order';

interface Row {
  salesOrderNo: string;
  salesOrderSubject: string;
  salesOrderStatus: number;
  salesOrderDate: string;
  customerCode: string;
  customerName: string;
  grandTotal: string | number;
  currencyCode: string;
  paymentState: string;
  isOverdue: boolean;
}

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
      create={may('salesorder:write') ? { label: t.create, to: '/orders/new' } : undefined}
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
        { id: 'customer', label: t.customer, show: (row) => <Coded name={row.customerName} code={row.customerCode} />, wide: true },
        { id: 'payment', label: t.payment, show: (row) => <span className={`chip ${look(row.paymentState, row.isOverdue)}`}>{row.isOverdue ? t.overdue : t.payments[row.paymentState] ?? row.paymentState}</span>, wide: true },
        { id: 'date', label: t.date, show: (row) => formatDay(row.salesOrderDate), wide: true },
        { id: 'total', label: words('work').quotation.grandTotal, show: (row) => formatMoney(row.grandTotal, row.currencyCode || 'THB'), number: true },
      ]}
    />
  );
}
