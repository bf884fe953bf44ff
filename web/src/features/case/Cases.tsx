import { may } from '../../api/client';
import { words } from '../../i18n';
import { formatBrief } from '../../i18n/format';
import { ListScreen } from '../../screen/List';
import { asBody, enquire } from '../../screen/resource';
import '../../screen/screen.css';

interface Row {
  caseNo: string;
  subject: string;
  statusId: number;
  customerName: string | null;
  categoryName: string | null;
  dateDue: string;
  isBreached: boolean;
  assignedToStaffCode: string | null;
}

/** What customers asked for and somebody must see to. */
export function Cases() {
  const t = words('work').case;
  return (
    <ListScreen<Row>
      title={t.title}
      icon="case"
      at="/cases"
      kind="case"
      empty={t.empty}
      create={may('case:write') ? { label: t.create, to: '/cases/new' } : undefined}
      filters={[{ id: 'which', label: t.which, options: (['open', 'unassigned', 'breached', 'closed'] as const).map((value) => ({ value, label: t.views[value] })) }]}
      idOf={(row) => row.caseNo}
      linkOf={(row) => `/cases/${encodeURIComponent(row.caseNo)}`}
      fetch={({ which, ...asked }, next, signal) =>
        enquire<Row>('/v1/case/enquiry', { ...asBody(asked), isOpen: which === 'open' ? true : which === 'closed' ? false : undefined, isUnassigned: which === 'unassigned' ? true : undefined, isBreached: which === 'breached' ? true : undefined }, next, signal)
      }
      columns={[
        { id: 'subject', label: t.subject, show: (row) => row.subject },
        { id: 'no', label: t.no, show: (row) => row.caseNo, wide: true },
        { id: 'status', label: t.status, show: (row) => <span className={`chip ${row.statusId <= 2 ? 'info' : row.statusId === 3 ? 'warn' : row.statusId === 4 ? 'good' : ''}`}>{t.statuses[row.statusId]}</span> },
        { id: 'customer', label: t.customer, show: (row) => row.customerName ?? '', wide: true },
        { id: 'category', label: t.category, show: (row) => row.categoryName ?? '', wide: true },
        { id: 'assignee', label: t.assignee, show: (row) => row.assignedToStaffCode ?? '', wide: true },
        { id: 'due', label: t.due, show: (row) => <span className={row.isBreached ? 'chip bad' : ''}>{`${formatBrief(row.dateDue)}${row.isBreached ? ` · ${t.breached}` : ''}`}</span> },
      ]}
    />
  );
}
