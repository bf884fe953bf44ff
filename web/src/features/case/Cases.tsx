import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatBrief } from '../../i18n/format';
import type { BulkAct } from '../../screen/Bulk';
import { ListScreen } from '../../screen/List';
import { Coded, PersonName } from '../../screen/names';
import { employeePicker } from '../../screen/Pick';
import { asBody, enquire } from '../../screen/resource';
import '../../screen/screen.css';

interface Row {
  caseNo: string;
  subject: string;
  statusId: number;
  customerCode: string | null;
  customerName: string | null;
  categoryName: string | null;
  dateDue: string;
  isBreached: boolean;
  assignedToUserId: string | null;
  assignedToStaffCode: string | null;
}

const OPEN = 2;
const CLOSED = 5;
const pathOf = (no: string) => `/v1/case/${encodeURIComponent(no)}`;
const turn = (no: string, statusId: number) => call('PUT', `${pathOf(no)}/status`, { body: { statusId } });

/** What can be done with several cases. */
function bulkActs(): BulkAct<Row>[] {
  const t = words('work').case;
  return [
    { id: 'assign', label: t.bulkAssign, keys: ['a'], picker: employeePicker(t.bulkAssign), sure: t.bulkAssignSure, fits: (row, picked) => row.assignedToStaffCode !== picked?.id, run: async (row, picked) => {
      await call('PUT', pathOf(row.caseNo), { body: { assignedToUserId: picked?.id } });
      return () => call('PUT', pathOf(row.caseNo), { body: { assignedToUserId: row.assignedToUserId } });
    } },
    // What is closed opens again as open, whatever it was before.
    { id: 'close', label: t.bulkClose, keys: ['e'], sure: t.bulkCloseSure, text: t.bulkCloseText, fits: (row) => row.statusId < CLOSED, run: async (row) => {
      await turn(row.caseNo, CLOSED);
      return () => turn(row.caseNo, OPEN);
    } },
  ];
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
      {...(may('case:write') ? { bulk: { acts: bulkActs(), titleOf: (row: Row) => `${row.caseNo} ${row.subject}` } } : {})}
      idOf={(row) => row.caseNo}
      linkOf={(row) => `/cases/${encodeURIComponent(row.caseNo)}`}
      fetch={({ which, ...asked }, next, signal) =>
        enquire<Row>('/v1/case/enquiry', { ...asBody(asked), isOpen: which === 'open' ? true : which === 'closed' ? false : undefined, isUnassigned: which === 'unassigned' ? true : undefined, isBreached: which === 'breached' ? true : undefined }, next, signal)
      }
      columns={[
        { id: 'subject', label: t.subject, show: (row) => row.subject },
        { id: 'no', label: t.no, show: (row) => row.caseNo, wide: true },
        { id: 'status', label: t.status, show: (row) => <span className={`chip ${row.statusId <= 2 ? 'info' : row.statusId === 3 ? 'warn' : row.statusId === 4 ? 'good' : ''}`}>{t.statuses[row.statusId]}</span> },
        { id: 'customer', label: t.customer, show: (row) => <Coded name={row.customerName} code={row.customerCode} />, wide: true },
        { id: 'category', label: t.category, show: (row) => row.categoryName ?? '', wide: true },
        { id: 'assignee', label: t.assignee, show: (row) => <PersonName of={row.assignedToStaffCode} />, wide: true },
        { id: 'due', label: t.due, show: (row) => <span className={row.isBreached ? 'chip bad' : ''}>{`${formatBrief(row.dateDue)}${row.isBreached ? ` · ${t.breached}` : ''}`}</span> },
      ]}
    />
  );
}
