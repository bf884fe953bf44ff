import { may } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatMoney } from '../../i18n/format';
import { ListScreen } from '../../screen/List';
import { Coded } from '../../screen/names';
import { enquire } from '../../screen/resource';
import '../../screen/screen.css';

interface Row {
  quotationNo: string;
  quotationSubject: string;
  quotationStatus: number;
  customerCode: string;
  customerName?: string;
  quotationDate: string;
  grandTotal?: string | number;
  subTotalWithDiscount?: string | number;
  currencyCode?: string;
}

/** All quotations, the newest first. */
export function Quotations() {
  const t = words('work').quotation;
  return (
    <ListScreen<Row>
      title={t.title}
      icon="document"
      at="/quotations"
      kind="quotation"
      empty={t.empty}
      create={may('quotation:write') ? { label: t.create, to: '/quotations/new' } : undefined}
      filters={[{ id: 'status', label: t.status, options: Object.entries(t.statuses).map(([value, label]) => ({ value, label })) }]}
      idOf={(row) => row.quotationNo}
      linkOf={(row) => `/quotations/${encodeURIComponent(row.quotationNo)}`}
      fetch={async (asked, next, signal) => {
        const skip = Number(next ?? 0);
        const page = await enquire<Row>('/v1/quotation/enquiry', { keyword: asked['q'], quotationStatus: asked['status'] ? Number(asked['status']) : undefined, take: 50, skip }, null, signal);
        return { ...page, next: page.rows.length === 50 ? String(skip + 50) : null };
      }}
      columns={[
        { id: 'subject', label: t.subject, show: (row) => row.quotationSubject || row.quotationNo },
        { id: 'no', label: t.no, show: (row) => row.quotationNo, wide: true },
        { id: 'status', label: t.status, show: (row) => <span className={`chip ${row.quotationStatus === 5 ? 'good' : row.quotationStatus >= 6 ? 'bad' : row.quotationStatus === 4 ? 'info' : ''}`}>{t.statuses[row.quotationStatus]}</span> },
        { id: 'customer', label: t.customer, show: (row) => <Coded name={row.customerName} code={row.customerCode} />, wide: true },
        { id: 'date', label: t.date, show: (row) => formatDay(row.quotationDate), wide: true },
        { id: 'total', label: t.grandTotal, show: (row) => formatMoney(row.grandTotal ?? row.subTotalWithDiscount ?? 0, row.currencyCode ?? 'THB'), number: true },
      ]}
    />
  );
}
