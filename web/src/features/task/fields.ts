import type { FieldSpec } from '../../screen/Form';
import { customerPicker, employeePicker } from '../../screen/Pick';
import type { Resource } from '../../screen/resource';
import { words } from '../../i18n';

export const TASK: Resource = { path: '/v1/task', key: 'taskNo' };

/** A task as this screen reads it. */
export interface Task {
  taskNo: string;
  subject: string;
  status: 'open' | 'doing' | 'done' | 'cancelled';
  isDone: boolean;
  priority: string;
  dateDue: string | null;
  hasDueTime: boolean;
  assignedToUserId: string | null;
  assignedToStaffCode: string | null;
  customerCode: string | null;
  customerName?: string | null;
  labels: string[];
  checklist: { text?: string; title?: string; isDone?: boolean }[];
}

const options = (texts: Record<string, string>) => Object.entries(texts).map(([value, label]) => ({ value, label }));

export function taskFields(): FieldSpec[] {
  const t = words('work').task;
  return [
    { id: 'taskNo', label: t.no, fixed: true },
    { id: 'subject', label: t.subject, required: true, whole: true },
    { id: 'status', label: t.status, kind: 'choice', options: options(t.statuses) },
    { id: 'priority', label: t.priority, kind: 'choice', options: options(t.priorities) },
    { id: 'dateDue', label: t.due, kind: 'date' },
    { id: 'dateRemind', label: t.remind, kind: 'time' },
    { id: 'assignedToUserId', label: t.assignee, kind: 'pick', picker: employeePicker(t.assignee) },
    { id: 'customerCode', label: t.customer, kind: 'pick', picker: customerPicker(t.customer), named: 'customerName' },
    { id: 'recurrence', label: t.recurrence, kind: 'choice', options: options(t.recurrences).filter((one) => one.value) },
    { id: 'labels', label: t.labels, kind: 'list' },
    { id: 'note', label: t.note, kind: 'area' },
  ];
}
