import { words } from '../i18n';
import { Refusal } from './client';

const KNOWN = ['unauthorized', 'missing_scope', 'not_found', 'changed', 'conflict', 'taken', 'in_use', 'busy', 'required', 'not_a_number', 'invalid_format', 'out_of_range', 'too_long', 'invalid_value', 'not_configured', 'offline'] as const;
type Known = (typeof KNOWN)[number];

function word(code: string): string | null {
  const t = words('core').error;
  return (KNOWN as readonly string[]).includes(code) ? t[code as Known] : null;
}

/** What went wrong, in the person's language; the server's own sentence where there is no better one. A field is called as its label. */
export function say(error: unknown, labelOf?: (field: string) => string | undefined): string {
  const t = words('core').error;
  if (!(error instanceof Refusal)) return t.unknown;
  if (error.status === 429) return t.rate_limited(error.retryAfter ?? 5);
  if (error.status === 503) return t.busy;
  const first = error.faults[0];
  if (first?.field && error.status === 400) return `${word(first.code) ?? first.message} (${labelOf?.(first.field) ?? first.field})`;
  return word(error.code) ?? first?.message ?? (error.traceId ? `${t.unknown} ${t.trace(error.traceId)}` : t.unknown);
}

/** The faults by field, in the person's language. */
export function faults(error: unknown): Record<string, string> {
  if (!(error instanceof Refusal)) return {};
  return Object.fromEntries(error.faults.filter((fault) => fault.field).map((fault) => [fault.field, word(fault.code) ?? fault.message]));
}

/** The fault of a field under any of its names, or of a part of it: `labels[2]` of `labels`. */
export function faultOf(wrong: Record<string, string>, ...names: (string | undefined)[]): string | undefined {
  return Object.entries(wrong).find(([field]) => names.some((name) => name !== undefined && isPart(field, name)))?.[1];
}

/** True when a fault's field is this one, or a part of it. */
export const isPart = (field: string, name: string): boolean => field === name || field.startsWith(`${name}[`) || field.startsWith(`${name}.`);
