import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Fragment, type ReactNode } from 'react';
import { load, words } from '../i18n';
import { formatDay, formatMoney, formatNumber, formatTime } from '../i18n/format';
import { base, changesOf, inOrder, isBlank, KNOWN_IDS, nameIn, partsOf, titleOf, type Change } from './changes';
import { useLists, type Choice, type ListName } from './choices';
import type { FieldSpec } from './Form';
import { keptName, usePeople } from './names';

/** True once the words are there in which changes are told. */
export function useAuditWords(): boolean {
  const ready = useQuery({ queryKey: ['words', 'audit'], queryFn: () => load('audit', 'work', 'sale', 'customer').then(() => true), staleTime: Infinity });
  return ready.data === true;
}

const MONEY = new Set(['grandTotal', 'subTotal', 'subTotalWithDiscount', 'totalVat', 'totalWht', 'netTotal', 'netToReceive', 'paidAmount', 'outstandingAmount', 'dealsValue', 'weightedValue', 'contractValue', 'total', 'totalPrice', 'price', 'amount', 'regularPrice', 'salePrice', 'cost', 'customerIncome', 'creditLimit', 'discountAmount', 'taxi', 'tollway', 'parking']);
const PEOPLE = /^(owners?|assign(ed)?To|assignee|author|staff|head|approvedBy|createdBy|participants?|participantCodes|participantUserIds)$/;
const LISTS: Record<string, ListName> = { eventType: 'event-types', keyActivityIds: 'key-activities', keyActivity: 'key-activities', team: 'teams', category: 'case-categories', activityType: 'activity-types', joinRole: 'roles', labels: 'labels', fileCategory: 'file-categories', headerTemplate: 'header-templates', warehouse: 'warehouses' };
/** Lists of which a record carries the name; the entry may be called otherwise in English. */
const NAMED: Record<string, ListName> = { categoryName: 'case-categories', activityTypeName: 'activity-types', statusName: 'activity-statuses', role: 'roles', team: 'teams', customerGroupName: 'customer-groups', sourceName: 'sources', classificationName: 'classifications', unqulifiedReasonName: 'unqualified-reasons', contractType: 'contract-types', productUnitName: 'units' };
/** Lists of which a record carries the number, by which a property is known; elsewhere the same word is a text. */
const isNumber = (value: unknown): boolean => typeof value === 'number' || (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number'));
const DAY = /^\d{4}-\d\d-\d\d$/;
const MIDNIGHT = /^(\d{4}-\d\d-\d\d)[T ]00:00:00/;
const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The words for the values of a property that has few. */
function wordsFor(kind: string, name: string): Record<string | number, string> | undefined {
  const [work, sale, customer, audit] = [words('work'), words('sale'), words('customer'), words('audit')];
  const isStatus = name === 'statusId' || name === 'status';
  switch (kind) {
    case 'task':
      if (isStatus) return work.task.statuses;
      if (name === 'priority') return work.task.priorities;
      if (name === 'recurrence') return work.task.recurrences;
      break;
    case 'case':
      if (isStatus) return work.case.statuses;
      if (name === 'caseType') return audit.caseTypes;
      break;
    case 'deal':
      if (isStatus) return work.deal.statuses;
      break;
    case 'quotation':
      if (name === 'quotationStatus') return work.quotation.statuses;
      break;
    case 'sales_order':
      if (name === 'salesOrderStatus') return work.order.statuses;
      if (name === 'paymentState') return work.order.payments;
      if (name === 'deliveryState') return sale.order.deliveries;
      break;
    case 'contract':
      if (isStatus) return sale.contract.statuses;
      break;
    case 'expense':
      if (isStatus) return sale.expense.statuses;
      if (name === 'expenseTypeId') return sale.expense.kinds;
      break;
    case 'customer':
      if (name === 'customerState') return customer.states;
      if (name === 'customerStatus') return customer.statuses;
      if (name === 'leadStatus') return customer.leads;
      if (name === 'customerType') return customer.types;
      break;
  }
  if (name === 'frequency') return sale.contract.frequencies;
  if (name === 'method') return sale.order.methods;
  if (name === 'locationType') return customer.places;
  return /^(status|state|priority|latePush|mode|credentials|secret|type|by)$/.test(name) ? audit.values : undefined;
}

/** What a property is called: as in the form, where there is one. */
function labelOf(kind: string, name: string, fields: readonly FieldSpec[]): string {
  const { fields: known } = words('audit');
  const own = fields.find((field) => field.id === name || field.sentAs === name || field.named === name) ?? (base(name) === kind ? undefined : fields.find((field) => base(field.id) === base(name)));
  // A property that has no word here is still better read as words than left out.
  const isOwn = base(name) === kind || (name === 'staffCode' && /^(employee|user)$/.test(kind));
  return own?.label ?? known[`${kind}.${name}`] ?? (isOwn ? known[name] : known[base(name)] ?? known[name]) ?? name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
}

interface Tools {
  kind: string;
  fields: readonly FieldSpec[];
  people: ReturnType<typeof usePeople>;
  lists: Partial<Record<ListName, Choice[]>>;
  cache: QueryClient;
}

/** A value in words. */
function tell(tools: Tools, name: string, value: unknown): ReactNode {
  const core = words('core').list;
  if (isBlank(value)) return null;
  const field = tools.fields.find((one) => one.id === name);
  const isCode = name === 'staffCode' && /^(employee|user)$/.test(tools.kind);
  const person = (one: unknown) => (isCode ? undefined : one === 'system' ? core.system : tools.people.get(String(one).toLowerCase())?.fullname);
  if (typeof value === 'boolean') return value ? core.yes : core.no;
  const own = wordsFor(tools.kind, name);
  const told = !Array.isArray(value) && typeof value !== 'object' ? own?.[String(value)] ?? field?.options?.find((one) => String(one.value) === String(value))?.label : undefined;
  if (told) return told;
  const list = tools.lists[field?.list ?? listOf(name, value) ?? ('' as ListName)];
  const entry = (one: unknown) => list?.find((choice) => choice.id === one || choice.name === one)?.label;
  if (Array.isArray(value)) {
    if (value.some((one) => typeof one === 'object' && one !== null)) return value.map((one, at) => <Fragment key={at}>{at > 0 && ', '}{line(tools, one)}</Fragment>);
    if (/^roomIds?$/.test(name)) return value.map((one) => <Fragment key={String(one)}>{room(String(one))} </Fragment>);
    return value.map((one) => (PEOPLE.test(base(name)) || UUID.test(String(one)) ? person(one) : undefined) ?? entry(one) ?? String(one)).join(', ');
  }
  if (typeof value === 'object') return line(tools, value);
  if (name === 'roomId' || (name === 'room' && UUID.test(String(value)))) return room(String(value));
  if ((name === 'customerCode' && tools.kind !== 'customer') || /^mergedCustomer(Code)?$/.test(name)) return keptName(tools.cache, value) ?? String(value);
  const listed = entry(value);
  if (listed) return listed;
  if (MONEY.has(name) || field?.kind === 'money') return formatMoney(value as string | number);
  if (typeof value === 'number') return value > 1e12 ? formatTime(value) : /(Id|Code|No)$/.test(name) ? String(value) : formatNumber(value);
  const text = String(value);
  if (DAY.test(text)) return formatDay(text);
  const midnight = MIDNIGHT.exec(text)?.[1];
  if (midnight) return formatDay(midnight);
  if (MOMENT.test(text)) return formatTime(text.replace(' ', 'T'));
  if (PEOPLE.test(base(name)) || UUID.test(text)) return person(text) ?? text;
  if (name === 'recurrence') return words('work').task.recurrences[text] ?? text;
  return text;
}

const room = (id: string) => <Link to="/inbox" search={{ room: id }}>{words('audit').kinds['room']}</Link>;

/** The list that a number is an entry of. */
function listOf(name: string, value: unknown): ListName | undefined {
  if (typeof value === 'string' && name in NAMED) return NAMED[name];
  return isNumber(value) || name === 'warehouseCode' ? LISTS[name] ?? LISTS[base(name)] : undefined;
}

/** A line of a list, or another object: what it is called, and its parts. */
function line(tools: Tools, value: unknown): ReactNode {
  if (typeof value !== 'object' || value === null) return String(value);
  const record = value as Record<string, unknown>;
  const name = nameIn(record);
  if (name !== null) return name;
  const parts = partsOf(record).slice(0, 6);
  const title = titleOf(record);
  return (
    <>
      {title && <strong>{title}</strong>}
      {parts.map(([part, one], at) => <Fragment key={part}>{at > 0 || title ? ' · ' : ''}<span className="muted">{`${labelOf('', part, [])} `}</span>{tell({ ...tools, fields: [] }, part, one)}</Fragment>)}
    </>
  );
}

const SHOWN = 8;

/** The differences of an entry in words: what was, and what is. */
export function Changes({ kind, action, changes, fields = [] }: { kind: string; action: string; changes: unknown; fields?: readonly FieldSpec[] }) {
  const people = usePeople();
  const all = inOrder(changesOf(kind, action, changes), fields.map((field) => field.named ?? field.id)).filter((one) => {
    const name = one.path.at(-1) ?? '';
    return !/(Id|Ids|Index)$/.test(name) || KNOWN_IDS.has(name) || name in words('audit').fields || base(name) in words('audit').fields;
  });
  const wanted = [...new Set(all.flatMap((one) => {
    const name = one.path.at(-1) ?? '';
    const list = fields.find((field) => field.id === name)?.list ?? listOf(name, one.to ?? one.from);
    return list ? [list] : [];
  }))];
  const tools: Tools = { kind, fields, people, lists: useLists(wanted), cache: useQueryClient() };
  if (all.length === 0) return null;
  const [shown, rest] = all.length <= SHOWN + 2 ? [all, []] : [all.slice(0, SHOWN), all.slice(SHOWN)];
  return (
    <>
      {shown.map((one, at) => <Row key={at} one={one} tools={tools} />)}
      {rest.length > 0 && (
        <details>
          <summary className="small">{words('audit').more(rest.length)}</summary>
          {rest.map((one, at) => <Row key={at} one={one} tools={tools} />)}
        </details>
      )}
    </>
  );
}

function Row({ one, tools }: { one: Change; tools: Tools }) {
  const names = one.path.map((name, at) => labelOf(at === 0 ? tools.kind : '', name, at === 0 ? tools.fields : []));
  const label = one.item ? [names[0], one.item, ...names.slice(1)] : names;
  const last = one.path.at(-1) ?? '';
  const [from, to] = [tell(tools, last, one.from), tell(tools, last, one.to)];
  return (
    <p className="change">
      <span>{`${label.join(' › ')}:`}</span>
      {from !== null && <del>{from}</del>}
      {to !== null && <ins>{to}</ins>}
    </p>
  );
}

/** What was done, in words. */
export const actionWords = (action: string): string => words('audit').actions[action] ?? action.replaceAll('_', ' ');
