import { lang } from './index';

/** For `Intl`: Thai years are Buddhist, digits Arabic. */
export const locale = lang === 'th' ? 'th-TH-u-ca-buddhist-nu-latn' : 'en-GB';

const number = new Intl.NumberFormat(locale);
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short' });
const dayMonth = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' });
const longDay = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const dayTime = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
const list = new Intl.ListFormat(locale, { type: 'conjunction' });
const amounts = new Map<string, Intl.NumberFormat>();

const DAY = 86_400_000;

/** Thousands with separators. */
export const formatNumber = (value: number): string => number.format(value);

/** An amount of money. Amounts come as decimal texts; `Intl` takes them without going through a float. */
export function formatMoney(value: string | number, currency = 'THB'): string {
  let format = amounts.get(currency);
  if (!format) {
    format = new Intl.NumberFormat(locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
    amounts.set(currency, format);
  }
  return format.format(value as unknown as number);
}

const parts = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
const sizes = new Map<string, Intl.NumberFormat>();

/** A share of a whole: 0.5 is 50 %. */
export const formatPart = (value: number): string => parts.format(value);

/** The size of a file in its largest unit: "1.4 MB". */
export function formatSize(bytes: number): string {
  const [unit, size] = bytes >= 1_000_000 ? (['megabyte', 1_000_000] as const) : bytes >= 1000 ? (['kilobyte', 1000] as const) : (['byte', 1] as const);
  let format = sizes.get(unit);
  if (!format) {
    format = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: unit === 'megabyte' ? 1 : 0 });
    sizes.set(unit, format);
  }
  return format.format(bytes / size);
}

/** A list in words: "a, b and c". */
export const formatList = (values: readonly string[]): string => list.format(values);

/** Takes Unix milliseconds, or a time as the API writes it. */
export function at(value: number | string): Date {
  // The API writes `+0700`; not every browser reads that without a colon.
  return new Date(typeof value === 'string' ? value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2') : value);
}

/** What is no time is shown as it is: one wrong record spoils no screen. */
function shown(format: Intl.DateTimeFormat, value: number | string): string {
  const date = at(value);
  return Number.isNaN(date.getTime()) ? String(value) : format.format(date);
}

/** The time of day. */
export const formatClock = (value: number | string): string => shown(clock, value);
/** A day. */
export const formatDay = (value: number | string): string => shown(day, value);
/** A day as a heading. */
export const formatLongDay = (value: number | string): string => shown(longDay, value);
/** A day with the time. */
export const formatTime = (value: number | string): string => shown(dayTime, value);

/** Days between two instants as the calendar on the wall counts them. */
export function daysBetween(earlier: Date, later: Date): number {
  const floor = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((floor(later) - floor(earlier)) / DAY);
}

const month = new Intl.DateTimeFormat(locale, { month: 'long', year: 'numeric' });
const longWeekday = new Intl.DateTimeFormat(locale, { weekday: 'long' });

/** A month, as the API writes it: `2026-11`. */
export const formatMonth = (value: string): string => shown(month, `${value}-01T12:00:00`);
/** A day of the week, 1 being Monday. */
export const formatWeekday = (number: number): string => longWeekday.format(new Date(2024, 0, number, 12));

/** As short as it stays clear: the time today, the weekday within a week, else the day. */
export function formatBrief(value: number | string, now = Date.now()): string {
  const date = at(value);
  if (Number.isNaN(date.getTime())) return String(value);
  const days = daysBetween(date, new Date(now));
  if (days === 0) return clock.format(date);
  if (days > 0 && days < 7) return weekday.format(date);
  return date.getFullYear() === new Date(now).getFullYear() ? dayMonth.format(date) : day.format(date);
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', DAY],
  ['hour', 3_600_000],
  ['minute', 60_000],
];
const unitFormats = new Map(units.map(([unit]) => [unit, new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: lang === 'th' ? 'long' : 'short', maximumFractionDigits: 0 })]));

/** A span in its largest unit: "3 min", "2 hrs". Below a minute counts as one. */
export function formatSpan(milliseconds: number): string {
  const span = Math.max(60_000, Math.abs(milliseconds));
  for (const [unit, size] of units) {
    if (span >= size) return unitFormats.get(unit)?.format(Math.floor(span / size)) ?? '';
  }
  return '';
}

const lengths: [unit: string, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];
const lengthFormats = new Map(lengths.map(([unit]) => [unit, new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: lang === 'th' ? 'long' : 'short', maximumFractionDigits: 0 })]));

/** A length of time, given in seconds, in its two largest units: "2 hr 5 min". */
export function formatDuration(seconds: number): string {
  let rest = Math.round(Math.abs(seconds));
  const parts: string[] = [];
  for (const [unit, size] of lengths) {
    const count = Math.floor(rest / size);
    if (count === 0 && (parts.length === 0 ? size > 1 : true)) {
      if (parts.length > 0) break;
      continue;
    }
    parts.push(lengthFormats.get(unit)?.format(count) ?? '');
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}
