import { readNumber } from '../../screen/number';

/** A line of an expense as its editor holds it: numbers are texts until it is saved. */
export type Line = Record<string, string>;

/** What a type of expense asks for. */
export const FIELDS: Record<string, readonly string[]> = {
  1001: ['amount', 'night'],
  1002: ['amount', 'person'],
  1003: ['amount', 'milesStart', 'milesEnd'],
  1004: ['amount'],
  1005: ['amount', 'trainingTitle', 'hours', 'minutes'],
  1006: ['taxi', 'tollway', 'parking'],
  1007: ['amount', 'person'],
  1008: ['amount', 'person'],
};
const TEXTS = ['trainingTitle', 'note'];

/** A line of an answer, for the editor. */
export const lineOf = (read: Record<string, unknown>): Line =>
  Object.fromEntries(['expenseDetailId', 'expenseTypeId', ...new Set(Object.values(FIELDS).flat()), 'note'].map((key) => [key, read[key] === null || read[key] === undefined ? '' : String(read[key])]));

/** The properties of a line that cannot be read as numbers. */
export const unread = (line: Line): string[] => (FIELDS[line['expenseTypeId'] ?? ''] ?? []).filter((key) => !TEXTS.includes(key) && readNumber(line[key]) === undefined);

/** A line as it is written: only what its type asks for. */
export function bodyOf(line: Line): Record<string, unknown> {
  const of = (key: string) => (TEXTS.includes(key) ? line[key]?.trim() || null : readNumber(line[key]) == null ? null : Number(readNumber(line[key])));
  return {
    ...(line['expenseDetailId'] ? { expenseDetailId: Number(line['expenseDetailId']) } : {}),
    expenseTypeId: Number(line['expenseTypeId']),
    note: of('note'),
    ...Object.fromEntries((FIELDS[line['expenseTypeId'] ?? ''] ?? []).map((key) => [key, of(key)])),
  };
}

export const look = (status: number) => (status === 303 ? 'good' : status === 304 ? 'bad' : status === 302 ? 'warn' : '');
