import createClient from 'openapi-fetch';
import type { paths } from './schema';
import { lang } from '../i18n';
import { store } from '../store';
import type { Me } from './types';

/** Who is signed in: `undefined` while that is not known, `null` when nobody is. */
export const session = store<Me | null | undefined>(undefined);

/** One fault that the server named. */
export interface Fault {
  code: string;
  field: string;
  message: string;
}

/** A request that the server refused, or that did not reach it (`status` 0); also one that was not sent, because it could only be refused. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly faults: readonly Fault[],
    readonly traceId: string | null,
    /** Seconds after which to try again, where the server says so. */
    readonly retryAfter: number | null,
  ) {
    super(faults[0]?.message ?? `HTTP ${status}`);
  }
  /** What is not sent because of these fields. */
  static of(code: string, ...fields: string[]): Refusal {
    return new Refusal(400, fields.map((field) => ({ code, field, message: '' })), null, null);
  }
  /** The same with other names for the fields: those that the screen has. */
  calling(name: (field: string) => string): Refusal {
    return new Refusal(this.status, this.faults.map((fault) => ({ ...fault, field: name(fault.field), message: fault.message.replace(fault.field, () => name(fault.field)) })), this.traceId, this.retryAfter);
  }
  /** The first fault's code; `offline` when there was no answer. */
  get code(): string {
    return this.faults[0]?.code ?? (this.status === 0 ? 'offline' : String(this.status));
  }
}

/**
 * True once the session of whoever is on this page has ended. What is on screen stays there; requests wait until the same person has signed
 * in again, and are then sent once more.
 */
export const ended = store(false);

/** Until somebody has signed in again, or the request is given up. */
const signedInAgain = (signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const settle = () => {
      if (ended.get() && !signal.aborted) return;
      off();
      signal.removeEventListener('abort', settle);
      if (signal.aborted) reject(new DOMException('', 'AbortError'));
      else resolve();
    };
    const off = ended.subscribe(settle);
    signal.addEventListener('abort', settle);
    settle();
  });

/** Whether an answer says that nobody is signed in any more, and not that a password is wrong. */
async function isEnd(response: Response): Promise<boolean> {
  if (response.status !== 401 || !session.get()) return false;
  const envelope = (await response.clone().json().catch(() => null)) as { errors?: Fault[] } | null;
  return envelope?.errors?.[0]?.code === 'unauthorized';
}

// What the server says about a fault is read by the person: it comes in the language of the page, not in that of the browser.
const HEADERS = { 'X-Sala-Console': '1', Accept: 'application/json', 'Accept-Language': lang };

async function attempt(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refusal(0, [], null, null);
  }
}

async function send(request: Request): Promise<Response> {
  // A body can be sent once only.
  const spare = request.clone();
  const response = await attempt(request);
  if (!(await isEnd(response))) return response;
  ended.set(true);
  // What asks who is signed in, or signs in and out, has its answer.
  if (new URL(request.url).pathname.startsWith('/v1/auth/')) return response;
  await signedInAgain(request.signal);
  return session.get() ? send(spare) : response;
}

/** The typed client. `data` of an answer is the envelope: see [`data`]. */
export const api = createClient<paths, 'application/json'>({ baseUrl: location.origin, fetch: send, headers: HEADERS });

async function refusal(response: Response, body?: unknown): Promise<Refusal> {
  const envelope = (body ?? (await response.json().catch(() => null))) as { errors?: Fault[]; traceId?: string } | null;
  const after = Number(response.headers.get('retry-after'));
  return new Refusal(response.status, envelope?.errors ?? [], envelope?.traceId ?? null, after > 0 ? after : null);
}

/** The data of a typed answer, or the refusal as an exception. */
export async function data<T>(answer: Promise<{ data?: { data: T }; error?: unknown; response: Response }>): Promise<T> {
  const { data: envelope, error, response } = await answer;
  if (!response.ok || !envelope) throw await refusal(response, error);
  return envelope.data;
}

/** What a call may carry. */
export interface Options {
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  form?: FormData;
  key?: string;
  match?: string | number;
  signal?: AbortSignal;
  keepalive?: boolean;
}

/** An answer with its headers. */
export interface Answer<T> {
  data: T;
  /** The whole body. */
  envelope: unknown;
  version: string | null;
  status: number;
  replayed: boolean;
}

/** Calls an operation by its path, and answers the whole. */
export async function exchange<T>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(name, String(value));
  }
  const headers = new Headers(HEADERS);
  if (options.body !== undefined) headers.set('Content-Type', 'application/json');
  if (options.key) headers.set('Idempotency-Key', options.key);
  if (options.match !== undefined) headers.set('If-Match', `"${String(options.match).replaceAll('"', '')}"`);
  const response = await send(
    new Request(url, {
      method,
      headers,
      body: options.form ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      signal: options.signal,
      keepalive: options.keepalive,
    }),
  );
  if (!response.ok) throw await refusal(response);
  const envelope = (response.status === 204 ? null : await response.json().catch(() => null)) as { data?: T } | null;
  return {
    data: (envelope?.data ?? null) as T,
    envelope,
    version: response.headers.get('etag'),
    status: response.status,
    replayed: response.headers.get('idempotency-replayed') === 'true',
  };
}

/** Calls an operation by its path, and answers its data. */
export async function call<T>(method: string, path: string, options?: Options): Promise<T> {
  return (await exchange<T>(method, path, options)).data;
}

/** Sends a form with files, and tells how much of it has left: `fetch` tells nothing of that. */
export function upload<T>(path: string, form: FormData, signal: AbortSignal, progress: (done: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', path);
    for (const [name, value] of Object.entries(HEADERS)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total);
    };
    request.onerror = () => reject(new Refusal(0, [], null, null));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    request.onload = () => {
      const retryAfter = request.getResponseHeader('retry-after');
      const response = new Response(request.responseText || null, { status: request.status, headers: retryAfter ? { 'retry-after': retryAfter } : {} });
      if (response.ok) return void response.json().then((envelope: { data: T }) => resolve(envelope.data), reject);
      void isEnd(response).then(async (isOver) => {
        if (!isOver) return reject(await refusal(response));
        ended.set(true);
        await signedInAgain(signal);
        resolve(upload<T>(path, form, signal, progress));
      }).catch(reject);
    };
    signal.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}

/** True when the person's role includes the scope. */
export function may(scope: string): boolean {
  return session.get()?.scopes.includes(scope) ?? false;
}
