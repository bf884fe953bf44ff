import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatMoney } from '../../i18n/format';
import { ListScreen } from '../../screen/List';
import '../../screen/screen.css';
import { look } from './expense';

interface Lite {
  expenseId: number;
  expenseNo: string;
  subject: string;
  staffName: string | null;
  dateTransaction: string;
  statusId: number;
  total: number;
}

/** What employees claim, those that wait for approval first. */
export function Expenses() {
  const t = words('sale').expense;
  return (
    <ListScreen<Lite>
      title={t.title}
      icon="tag"
      at="/expenses"
      kind="expense"
      empty={t.empty}
      create={may('expense:write') ? { label: t.create, to: '/expenses/new' } : undefined}
      filters={[
        { id: 'status', label: t.status, options: Object.entries(t.statuses).map(([value, label]) => ({ value, label })) },
        { id: 'type', label: t.kind, options: Object.entries(t.kinds).map(([value, label]) => ({ value, label })) },
      ]}
      idOf={(row) => String(row.expenseId)}
      linkOf={(row) => `/expenses/${row.expenseId}`}
      fetch={async (asked, _next, signal) => {
        const body = { searchText: asked['q'] ?? null, statusIds: asked['status'] ? [asked['status']] : null, expenseTypeId: asked['type'] ? Number(asked['type']) : 0 };
        const page = await call<{ value: { statusId: number; expenses: Lite[] }[] }>('POST', '/v1/Expenses/Enquiry', { body, signal });
        const rows = page.value.flatMap((group) => group.expenses);
        return { rows, next: null, total: rows.length };
      }}
      columns={[
        { id: 'subject', label: t.subject, show: (row) => row.subject || row.expenseNo },
        { id: 'no', label: t.no, show: (row) => row.expenseNo, wide: true },
        { id: 'status', label: t.status, show: (row) => <span className={`chip ${look(row.statusId)}`}>{t.statuses[row.statusId]}</span> },
        { id: 'staff', label: t.staff, show: (row) => row.staffName ?? '', wide: true },
        { id: 'date', label: t.date, show: (row) => formatDay(row.dateTransaction), wide: true },
        { id: 'total', label: t.total, show: (row) => formatMoney(row.total), number: true },
      ]}
    />
  );
}
