import { words } from '../i18n';
import { Refusal, type Fault } from './client';

const KNOWN = ['unauthorized', 'missing_scope', 'not_found', 'changed', 'conflict', 'taken', 'in_use', 'busy', 'required', 'not_a_number', 'invalid_format', 'out_of_range', 'too_long', 'invalid_value', 'not_configured', 'offline'] as const;
type Known = (typeof KNOWN)[number];

function word(code: string): string | null {
  const t = words('core').error;
  return (KNOWN as readonly string[]).includes(code) ? t[code as Known] : null;
}

/** Codes whose word here says less than the server's sentence, which tells what is possible. */
const VAGUE: ReadonlySet<string> = new Set(['invalid_value', 'out_of_range', 'conflict']);

/** The server's sentence with what people call the field in the place of the API's name. */
const calling = (fault: Fault, name: string): string => {
  if (!fault.field) return fault.message;
  const field = fault.field.replace(/[^\w]/g, '\\$&');
  return fault.message.replace(new RegExp(`(?<![\\w.\\]])${field}(?![\\w[])`, 'g'), () => name);
};

/** A fault in the person's language: a word of ours, or the server's own sentence where that says more. */
function tell(fault: Fault, name: string): string {
  const own = VAGUE.has(fault.code) && fault.message ? null : word(fault.code);
  return own ?? (calling(fault, name) || words('core').error.unknown);
}

/**
 * What went wrong, in the person's language, a sentence a line. A field is called as its label; of one that is not on the screen the
 * server's sentence stands by itself, since nothing else would tell of it.
 */
export function say(error: unknown, labelOf?: (field: string) => string | undefined): string {
  const t = words('core').error;
  if (!(error instanceof Refusal)) return t.unknown;
  if (error.status === 429) return t.rate_limited(error.retryAfter ?? 5);
  if (error.status === 503) return t.busy;
  const first = error.faults[0];
  if (error.status !== 400 || !first) return first ? tell(first, t.this) : word(error.code) ?? (error.traceId ? `${t.unknown} ${t.trace(error.traceId)}` : t.unknown);
  const labels = new Map<string, Set<string>>();
  for (const fault of error.faults) {
    const label = fault.field ? labelOf?.(fault.field) : undefined;
    const sentence = label === undefined ? fault.message || tell(fault, t.this) : tell(fault, label);
    const of = labels.get(sentence) ?? new Set();
    labels.set(sentence, label === undefined || sentence.includes(label) ? of : of.add(label));
  }
  return [...labels].map(([sentence, of]) => (of.size ? `${sentence} (${[...of].join(', ')})` : sentence)).join('\n');
}

/** The faults by field, in the person's language. */
export function faults(error: unknown): Record<string, string> {
  if (!(error instanceof Refusal)) return {};
  return Object.fromEntries(error.faults.filter((fault) => fault.field).map((fault) => [fault.field, tell(fault, words('core').error.this)]));
}

/** The fault of a field under any of its names, or of a part of it: `labels[2]` of `labels`. */
export function faultOf(wrong: Record<string, string>, ...names: (string | undefined)[]): string | undefined {
  return Object.entries(wrong).find(([field]) => names.some((name) => name !== undefined && isPart(field, name)))?.[1];
}

/** True when a fault's field is this one, or a part of it. */
export const isPart = (field: string, name: string): boolean => field === name || field.startsWith(`${name}[`) || field.startsWith(`${name}.`);
