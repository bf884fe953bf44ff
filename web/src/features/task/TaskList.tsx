import { useQueryClient } from '@tanstack/react-query';
import { call, may } from '../../api/client';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { formatBrief } from '../../i18n/format';
import { ListScreen } from '../../screen/List';
import type { BulkAct } from '../../screen/Bulk';
import { Coded, PersonName } from '../../screen/names';
import { employeePicker } from '../../screen/Pick';
import { asBody, enquire } from '../../screen/resource';
import '../../screen/screen.css';
import { toast } from '../../ui/Toast';
import { TASK, type Task } from './fields';

const save = (no: string, change: Record<string, unknown>) => call('POST', TASK.path, { body: { taskNo: no, ...change } });
const turn = (no: string, status: string) => call('PUT', `${TASK.path}/${encodeURIComponent(no)}/status`, { body: { status } });

/** What can be done with several tasks. */
function bulkActs(): BulkAct<Task>[] {
  const t = words('work').task;
  return [
    { id: 'done', label: t.bulkDone, keys: ['e'], sure: t.bulkDoneSure, text: t.bulkDoneText, fits: (task) => task.status === 'open' || task.status === 'doing', run: async (task) => {
      await turn(task.taskNo, 'done');
      return () => turn(task.taskNo, task.status);
    } },
    { id: 'assign', label: t.bulkAssign, keys: ['a'], picker: employeePicker(t.bulkAssign), sure: t.bulkAssignSure, fits: (task, picked) => task.assignedToStaffCode !== picked?.id, run: async (task, picked) => {
      await save(task.taskNo, { assignedToUserId: picked?.id ?? null });
      return () => save(task.taskNo, { assignedToUserId: task.assignedToUserId });
    } },
  ];
}

/** What is to be done, the next due first. */
export function TaskList() {
  const t = words('work').task;
  const cache = useQueryClient();
  const write = may('task:write');
  async function toggle(task: Task, quiet = false) {
    const to = task.status === 'done' ? 'open' : 'done';
    try {
      await call('PUT', `${TASK.path}/${encodeURIComponent(task.taskNo)}/status`, { body: { status: to } });
      await cache.invalidateQueries({ queryKey: ['task'] });
      if (!quiet) toast(`${task.subject}: ${to === 'done' ? t.done : t.undone}`, { undo: () => void toggle({ ...task, status: to }, true) });
    } catch (error) {
      toast(say(error), { bad: true });
    }
  }
  const late = (task: Task) => task.dateDue !== null && !task.isDone && new Date(task.hasDueTime ? task.dateDue : `${task.dateDue.slice(0, 10)}T23:59:59`) < new Date();
  return (
    <ListScreen<Task>
      title={t.title}
      icon="task"
      at="/tasks"
      kind="task"
      empty={t.empty}
      create={write ? { label: t.create, to: '/tasks/new' } : undefined}
      filters={[
        { id: 'which', label: t.which, options: (['todo', 'overdue', 'done'] as const).map((value) => ({ value, label: t.views[value] })) },
        { id: 'priority', label: t.priority, options: Object.entries(t.priorities).map(([value, label]) => ({ value, label })) },
      ]}
      idOf={(row) => row.taskNo}
      linkOf={(row) => `/tasks/${encodeURIComponent(row.taskNo)}`}
      rowActs={write ? [{ id: 'done', label: t.markDone, keys: ['Space'], run: (row) => void toggle(row) }] : []}
      {...(write ? { bulk: { acts: bulkActs(), titleOf: (task: Task) => task.subject } } : {})}
      fetch={({ which, priority, ...asked }, next, signal) =>
        enquire<Task>(`${TASK.path}/enquiry`, {
          ...asBody(asked),
          orderBy: asked['sort'] ?? 'dateDue',
          statuses: which === 'done' ? ['done', 'cancelled'] : which === 'todo' || which === 'overdue' ? ['open', 'doing'] : undefined,
          isOverdue: which === 'overdue' ? true : undefined,
          priorities: priority ? [priority] : undefined,
        }, next, signal)
      }
      columns={[
        { id: 'subject', label: t.subject, show: (row) => row.subject },
        { id: 'status', label: t.status, show: (row) => (
          <span className="row">
            <label className="tick"><input type="checkbox" aria-label={`${t.done}: ${row.subject}`} checked={row.status === 'done'} disabled={!write} onChange={() => void toggle(row)} /></label>
            <span className={`chip ${row.status === 'done' ? 'good' : row.status === 'doing' ? 'info' : ''}`}>{t.statuses[row.status]}</span>
          </span>
        ) },
        { id: 'due', label: t.due, show: (row) => (row.dateDue ? <span className={late(row) ? 'chip bad' : ''}>{formatBrief(row.dateDue)}{late(row) ? ` · ${t.overdue}` : ''}</span> : ''), sort: ['dateDue', '-dateDue'] },
        { id: 'priority', label: t.priority, show: (row) => (row.priority === 'normal' ? '' : <span className={`chip ${row.priority === 'urgent' ? 'bad' : row.priority === 'high' ? 'warn' : ''}`}>{t.priorities[row.priority]}</span>), wide: true },
        { id: 'assignee', label: t.assignee, show: (row) => <PersonName of={row.assignedToStaffCode} />, wide: true },
        { id: 'customer', label: t.customer, show: (row) => <Coded name={row.customerName} code={row.customerCode} />, wide: true },
        { id: 'labels', label: t.labels, show: (row) => <span className="row wrap">{row.labels.map((one) => <span key={one} className="chip">{one}</span>)}</span>, wide: true },
      ]}
    />
  );
}
