import { words } from '../i18n';
import { Refusal } from './client';

const KNOWN = ['unauthorized', 'missing_scope', 'not_found', 'changed', 'conflict', 'taken', 'in_use', 'busy', 'required', 'invalid_format', 'out_of_range', 'too_long', 'invalid_value', 'not_configured', 'offline'] as const;
type Known = (typeof KNOWN)[number];

function word(code: string): string | null {
  const t = words('core').error;
  return (KNOWN as readonly string[]).includes(code) ? t[code as Known] : null;
}

/** What went wrong, in the person's language; the server's own sentence where there is no better one. */
export function say(error: unknown): string {
  const t = words('core').error;
  if (!(error instanceof Refusal)) return t.unknown;
  if (error.status === 429) return t.rate_limited(error.retryAfter ?? 5);
  if (error.status === 503) return t.busy;
  const first = error.faults[0];
  if (first?.field && error.status === 400) return `${word(first.code) ?? first.message} (${first.field})`;
  return word(error.code) ?? first?.message ?? (error.traceId ? `${t.unknown} ${t.trace(error.traceId)}` : t.unknown);
}

/** The faults by field, in the person's language. */
export function faults(error: unknown): Record<string, string> {
  if (!(error instanceof Refusal)) return {};
  return Object.fromEntries(error.faults.filter((fault) => fault.field).map((fault) => [fault.field, word(fault.code) ?? fault.message]));
}
