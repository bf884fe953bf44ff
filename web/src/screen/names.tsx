// What people, customers and list entries are called, where an answer has only their codes or ids.
import { useQuery, type QueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { call, may } from '../api/client';
import { words } from '../i18n';

/** What something is called, with its code beside it. */
export interface Called {
  label: string;
  hint?: string;
}

interface Person {
  userId: string;
  staffCode: string | null;
  fullname: string;
}

const PAGE = 200;
/** So many employees are named; those of a larger company keep their codes. */
const MOST = 5_000;
const STALE = 10 * 60_000;
const key = (text: unknown) => String(text).trim().toLowerCase();

async function readPeople(): Promise<Person[]> {
  if (!may('employee:read')) {
    const { value } = await call<{ value: { id: string; staffCode: string | null; name: string }[] }>('GET', '/v1/console/colleagues');
    return value.map((one) => ({ userId: one.id, staffCode: one.staffCode, fullname: one.name }));
  }
  const all: Person[] = [];
  for (let skip = 0; skip < MOST; skip += PAGE) {
    const { value } = await call<{ value: Person[] }>('POST', '/v1/Employees/Enquiry', { body: { skip, pageLength: PAGE, orderBy: 1 } });
    all.push(...value);
    if (value.length < PAGE) break;
  }
  return all;
}

const byName = (all: Person[]): ReadonlyMap<string, Person> => new Map(all.flatMap((one) => [one.userId, one.staffCode].filter(Boolean).map((name) => [key(name), one] as const)));
const NOBODY: ReadonlyMap<string, Person> = new Map();

/** The employees by user id and by staff code: asked for once for everything that is on the screen. */
export function usePeople(): ReadonlyMap<string, Person> {
  const found = useQuery({ queryKey: ['user', 'people'], queryFn: readPeople, select: byName, staleTime: STALE, retry: false, enabled: may('employee:read') || may('chat:read') });
  return found.data ?? NOBODY;
}

/** What an employee is called, by user id or staff code; null for one who is not known. */
export function usePersonName(id: unknown): Called | null {
  const found = usePeople().get(key(id));
  return found ? { label: found.fullname, ...(found.staffCode ? { hint: found.staffCode } : {}) } : null;
}

/** Who is no employee, by name: the system, or a customer on a page of their own. */
export const actorName = (actor: unknown): string | undefined => (actor === 'system' ? words('core').list.system : actor === 'customer' ? words('core').list.customer : undefined);

/** An employee by name. Nobody is nothing. */
export function PersonName({ of, said }: { of: unknown; said?: string | null }) {
  const found = usePersonName(of);
  const other = actorName(of);
  if (other) return other;
  return said || found?.label || (of ? String(of) : '');
}

const customerKey = (code: unknown) => ['customer', 'name', String(code)];

/** Keeps what an answer calls its customer, so that nobody asks for it. */
export function keepName(cache: QueryClient, record: unknown): void {
  const { customerCode, customerName } = (record ?? {}) as { customerCode?: unknown; customerName?: unknown };
  if (typeof customerCode === 'string' && typeof customerName === 'string') cache.setQueryData(customerKey(customerCode), customerName);
}

/** What a customer is called, where an answer on this page has said it. */
export const keptName = (cache: QueryClient, code: unknown): string | undefined => cache.getQueryData<string>(customerKey(code));

/** What a customer is called, by code. */
export function useCustomerName(code: unknown): Called | null {
  const found = useQuery({
    queryKey: customerKey(code),
    queryFn: async () => (await call<{ customerName: string }>('GET', `/v3/customers/${encodeURIComponent(String(code))}`)).customerName,
    enabled: !!code && may('customer:read'),
    staleTime: STALE,
    retry: false,
  });
  return found.data ? { label: found.data, hint: String(code) } : null;
}

/** A name with its code as small text; the code alone where there is no name. */
export function Coded({ name, code }: { name: ReactNode; code?: unknown }) {
  if (!name) return code ? String(code) : '';
  return (
    <span className="coded">
      <span>{name}</span>
      {code && code !== name ? <span className="muted small">{` ${String(code)}`}</span> : null}
    </span>
  );
}

/** Where a person may read it, a link to it. */
export function MaybeLink({ to, scope, children }: { to: string; scope: string; children: ReactNode }) {
  return may(scope) ? <Link to={to as never}>{children}</Link> : children;
}
