// What an entry of the audit trail says has changed, put in order: no property twice under two names, nothing that only the
// server needs, and lists of lines compared line by line. No React here.

/** One difference: where, from what, to what. */
export interface Change {
  /** Names of properties, from the outside in. */
  path: readonly string[];
  /** What the line of a list is called. */
  item?: string | undefined;
  from: unknown;
  to: unknown;
}

type Values = Readonly<Record<string, unknown>>;

/** What follows from other properties, or means something to the server alone. */
const HIDDEN = new Set([
  'id', 'warnings', 'discounts', 'discountAmount',
  'dateCreated', 'dateModified', 'dateUpdated', 'createdByUserId', 'createByUserId', 'modifiedByUserId', 'updatedByUserId', 'isEdit', 'isAction', 'canApprove', 'deletable', 'measure', 'version', 'amount1',
  'grandTotalInWords', 'companyGrandTotal', 'companyNetTotal', 'companyTotalVat', 'totalBaht', 'totalToPay', 'documentDiscountAmount', 'vatAmount', 'whtAmount', 'taxes', 'activityLogs', 'expenseStates', 'activityExpenses', 'whTaxValue',
  'netToReceive', 'netTotal', 'subTotalWithDiscount', 'isDone', 'hasDueTime', 'isProcessed', 'sha256', 'urlResponseUpload', 'thumbnail', 'valueType', 'approveLevels', 'waitingApproveByRankNo', 'userInfo', 'visitLatitude', 'visitLongitude', 'latitude', 'longitude', 'visitPlaceId', 'quantity', 'ipAddress', 'userAgent',
]);

const ENDS = ['UserId', 'StaffCode', 'NameEn', 'Name', 'Code', 'Id'] as const;
/** Of several names of one thing: the words before the codes, the codes before the numbers. */
const RANK = ['Name', '', 'StaffCode', 'UserId', 'Code', 'Id', 'NameEn'];
const endOf = (property: string) => ENDS.find((end) => property.endsWith(end) && property.length > end.length) ?? '';

/** A property without what says how it names something: `customer` of `customerCode`. */
export const base = (property: string): string => property.slice(0, property.length - endOf(property).length);

const isObject = (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value);
const isLines = (value: unknown): value is Values[] => Array.isArray(value) && value.length > 0 && value.every(isObject);

/** True of what nobody sees: nothing, an empty list, an object of such. */
export const isBlank = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || (Array.isArray(value) ? value.every(isBlank) : isObject(value) && Object.values(value).every(isBlank));

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other) || (isBlank(one) && isBlank(other));

/** Whether a status is better told by its number: the words are the console's own. */
const BY_NUMBER = new Set(['case', 'contract', 'deal', 'expense']);

/** The properties that stand for something of their own, each once. */
export function once(kind: string, properties: readonly string[]): string[] {
  const best = new Map<string, string>();
  // The kind's own names and codes are two things, not two names for one.
  const of = (property: string) => (base(property) === kind || property === 'staffCode' || /^contact|^location/.test(property) ? property : base(property));
  const rank = (property: string) => (BY_NUMBER.has(kind) && property === 'statusId' ? -1 : RANK.indexOf(endOf(property)));
  const own = kind.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  for (const property of properties) {
    if (HIDDEN.has(property) || property === `${own}No` || property === `${kind}sId` || property === `${kind}sIndex`) continue;
    if (kind === 'activity' && property === 'state') continue;
    // What its customer is, as a number that no page shows.
    if (kind === 'contract' && property === 'customerType') continue;
    // A note of a conversation stays with its conversation: the trail has its id alone.
    if (kind === 'room' && property === 'note') continue;
    const held = best.get(of(property));
    if (held === undefined || rank(property) < rank(held)) best.set(of(property), property);
  }
  const chosen = new Set(best.values());
  return properties.filter((property) => chosen.has(property));
}

/** An object that only names something: its name. */
export function nameIn(value: Values): string | null {
  const names = Object.entries(value).filter(([property, one]) => property.endsWith('Name') && typeof one === 'string');
  const others = Object.keys(value).filter((property) => !/(Name|NameEn|Id|Code|Index)$/.test(property));
  return names.length === 1 && others.length === 0 ? String(names[0]?.[1]) : null;
}

/** What a line of a list is known by, from one state to the next. */
const KEYS = ['expenseDetailId', 'contractServiceId', 'contactId', 'addressId', 'customFieldName', 'installmentNumber', 'priceTierName', 'fileId', 'attachmentId', 'paymentId', 'text', 'labelId', 'interestId', 'productCode', 'account'];
const TITLES = ['productName', 'subject', 'text', 'contactName', 'locationName', 'customFieldName', 'filename', 'fileName', 'priceTierName', 'labelName', 'interestName', 'name', 'trainingTitle'];

/** What people call a line. */
export const titleOf = (line: Values): string | undefined => TITLES.map((name) => line[name]).find((value): value is string => typeof value === 'string' && value !== '');

function keyed(lines: readonly Values[]): Map<string, Values> {
  const found = new Map<string, Values>();
  lines.forEach((line, index) => {
    const name = KEYS.find((one) => line[one] !== null && line[one] !== undefined);
    const key = name ? `${name} ${String(line[name])}` : `${index}`;
    let own = key;
    for (let more = 2; found.has(own); more++) own = `${key} ${more}`;
    found.set(own, line);
  });
  return found;
}

const DEEP = 3;

function compare(kind: string, path: readonly string[], item: string | undefined, from: unknown, to: unknown): Change[] {
  if (isSame(from, to)) return [];
  if (isLines(from) || isLines(to)) {
    const [before, after] = [keyed(isLines(from) ? from : []), keyed(isLines(to) ? to : [])];
    const keys = [...new Set([...before.keys(), ...after.keys()])];
    return keys.flatMap((key) => {
      const [old, now] = [before.get(key), after.get(key)];
      const title = titleOf(now ?? old ?? {});
      if (old && now) return path.length < DEEP ? inside(kind, path, title, old, now) : [{ path, item: title, from: old, to: now }];
      return [{ path, from: old ?? null, to: now ?? null }];
    });
  }
  if ((isObject(from) || isObject(to)) && path.length < DEEP) {
    const [old, now] = [isObject(from) ? from : {}, isObject(to) ? to : {}];
    if (nameIn(old) === null && nameIn(now) === null) return inside(kind, path, item, old, now);
  }
  return [{ path, item, from, to }];
}

function inside(kind: string, path: readonly string[], item: string | undefined, old: Values, now: Values): Change[] {
  const names = once(path.length === 0 ? kind : '', [...new Set([...Object.keys(old), ...Object.keys(now)])]);
  return names.flatMap((name) => compare(kind, [...path, name], item, old[name], now[name]));
}

/** The differences of an entry. A new record's empty properties and its “no” are none. */
export function changesOf(kind: string, action: string, changes: unknown): Change[] {
  const pairs = Object.entries((changes ?? {}) as Record<string, unknown>).map(([name, change]) => {
    const [from, to] = Array.isArray(change) ? change : [(change as { from?: unknown } | null)?.from, (change as { to?: unknown } | null)?.to];
    return [name, from, to] as const;
  });
  const found = inside(kind, [], undefined, Object.fromEntries(pairs.map(([name, from]) => [name, from])), Object.fromEntries(pairs.map(([name, , to]) => [name, to])));
  const isNothing = (value: unknown) => isBlank(value) || value === false || value === 0;
  // The times by which a new case is to be answered follow from its day.
  const isTime = (one: Change) => kind === 'case' && /^(due|response|resolution)$/.test(one.path[0] ?? '');
  return found.filter((one) => (action === 'created' ? !isNothing(one.to) && !isTime(one) : one.path.join('.') !== 'due.dateDue'));
}

/** The parts of a line that is new or gone, for people: what it is called stands before. */
export function partsOf(line: Values): [string, unknown][] {
  const title = titleOf(line);
  return once('', Object.keys(line))
    .filter((name) => !isBlank(line[name]) && line[name] !== title && line[name] !== false && line[name] !== 0 && !(name === 'status' && typeof line[name] === 'number') && !(name.endsWith('Id') && !KNOWN_IDS.has(name)))
    .map((name) => [name, line[name]]);
}

/** Numbers that have words of their own. */
export const KNOWN_IDS = new Set(['statusId', 'expenseTypeId', 'categoryId', 'fileCategoryId', 'activityTypeId', 'assignedToUserId', 'assignToUserId', 'approvedByUserId', 'roomId', 'joinRoleId']);

const ORDER = [/^(subject|name|.*Subject|.*Name)$/, /^(status.*|.*Status|state|stage.*|.*Stage|.*State)$/, /^(assign.*|owners?|owner.*|staff.*)$/, /^customer/, /^(date.*|.*Date|.*Until)$/, /^(grandTotal|total|.*Value)$/];

/** In the order of the form; what it does not have comes after that, what matters to people first. */
export function inOrder(changes: readonly Change[], form: readonly string[]): Change[] {
  const place = (one: Change) => {
    const name = one.path[0] ?? '';
    const at = form.findIndex((field) => field === name || base(field) === base(name));
    const group = ORDER.findIndex((known) => known.test(name));
    return at >= 0 ? at : form.length + (group >= 0 ? group : ORDER.length);
  };
  return changes.map((one, at) => [place(one), at, one] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , one]) => one);
}
