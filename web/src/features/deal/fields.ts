import { words } from '../../i18n';
import type { FieldSpec } from '../../screen/Form';
import { customerPicker, employeePicker } from '../../screen/Pick';

export interface Card {
  dealsId: number;
  dealNo: string;
  dealsName: string;
  dealsValue: string | number;
  probability: number;
  customerCode: string;
  customerName: string;
  assignTo: string;
  assignToName: string;
  labels: string[];
  expectedCloseDate: string;
}
export interface Stage {
  dealStageId: number;
  dealStageName: string;
  kind: string;
  count: number;
  value: string | number;
  deals: Card[];
}
export interface Board {
  boardId: number;
  boardName: string;
  stages: Stage[];
  hasMore: boolean;
}

/** The properties of a deal, under the names that an update takes. */
export function dealFields(): FieldSpec[] {
  const t = words('work').deal;
  return [
    { id: 'dealName', label: t.name, required: true },
    { id: 'customerCode', label: t.customer, kind: 'pick', required: true, once: true, sentAs: 'customerCodes', picker: customerPicker(t.customer), named: 'customerName' },
    { id: 'boardId', label: t.board, kind: 'choice', list: 'boards', ids: true, named: 'boardName', once: true },
    { id: 'dealValue', label: t.value, kind: 'money', required: true },
    { id: 'probability', label: t.probability, kind: 'number', required: true },
    { id: 'assignTo', label: t.assignee, kind: 'pick', required: true, picker: employeePicker(t.assignee), named: 'assignToName' },
    { id: 'dealDate', label: t.date, kind: 'date' },
    { id: 'expectedCloseDate', label: t.expected, kind: 'date', required: true },
    { id: 'labelNames', label: t.labels, kind: 'list', list: 'labels' },
    { id: 'note', label: t.notes, kind: 'area' },
  ];
}
