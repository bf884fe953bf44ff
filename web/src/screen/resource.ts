// What every resource has in common: a list by enquiry, a record by its key, saving by POST, deleting and restoring.
import { call, exchange, Refusal } from '../api/client';
import type { Held } from './Record';
import type { Asked, Rows } from './List';
import type { Values } from './Form';

/** Where a resource is, and what its key is called. */
export interface Resource {
  /** `/v1/task`. */
  path: string;
  /** `taskNo`. */
  key: string;
  /** Where one record is read, when not `path/{key}`. */
  one?: (id: string) => string;
}

interface ListBody<T> {
  data: T[] | { value: T[]; total?: number; totalIsEstimate?: boolean; next?: string | null };
  total?: number;
  totalIsEstimate?: boolean;
  next?: string | null;
}

/** A page of a list, whichever of the two forms the group of operations answers in. */
export async function enquire<T>(path: string, body: Record<string, unknown>, next: string | null, signal?: AbortSignal): Promise<Rows<T>> {
  const wanted = Object.fromEntries(Object.entries({ take: 50, ...body, ...(next ? { cursor: next } : {}) }).filter(([, value]) => value !== undefined && value !== ''));
  const { envelope } = await exchange<unknown>('POST', path, { body: wanted, signal });
  const list = envelope as ListBody<T>;
  if (Array.isArray(list.data)) return { rows: list.data, next: list.next ?? null, total: list.total ?? null, estimate: list.totalIsEstimate };
  return { rows: list.data.value, next: list.data.next ?? null, total: list.data.total ?? null, estimate: list.data.totalIsEstimate };
}

const address = (resource: Resource, id: string) => resource.one?.(id) ?? `${resource.path}/${encodeURIComponent(id)}`;

/** Reads a record with its version. */
export async function read(resource: Resource, id: string): Promise<Held> {
  const answer = await exchange<Values | Values[]>('GET', address(resource, id));
  const values = Array.isArray(answer.data) ? answer.data[0] : answer.data;
  if (!values) throw new Refusal(404, [{ code: 'not_found', field: '', message: '' }], null, null);
  return { values, version: answer.version };
}

/** Saves what was changed; a new record's key is the answer's. */
export async function write(resource: Resource, id: string | null, changed: Values, version: string | null): Promise<string> {
  const body = id === null ? changed : { ...changed, [resource.key]: id };
  const saved = await call<Values>('POST', resource.path, { body, ...(version ? { match: version } : {}), ...(id === null ? { key: crypto.randomUUID() } : {}) });
  return id ?? String(saved[resource.key]);
}

export const remove = async (resource: Resource, id: string, version: string | null) => void (await call('DELETE', address(resource, id), version ? { match: version } : {}));
export const restore = async (resource: Resource, id: string) => void (await call('POST', `${address(resource, id)}/restore`, { body: {} }));

/** The filters of the address as the body of an enquiry: `q` is the keyword, `sort` the order. */
export const asBody = ({ q, sort, ...rest }: Asked): Record<string, unknown> => ({ keyword: q, orderBy: sort, ...rest });
