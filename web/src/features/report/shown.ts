// How groups and figures of a report are shown: in the person's language and format, never as the server's own words.
import { words } from '../../i18n';
import { formatDay, formatDuration, formatMoney, formatMonth, formatNumber, formatPart, formatWeekday } from '../../i18n/format';

/** One figure of one group. */
export interface Row {
  group: string;
  groupName: string | null;
  figure: string;
  count: number;
  average: number | null;
  total: number | null;
}

/** Figures whose average is a time in seconds. */
const TIMES: readonly string[] = ['responses', 'resolved', 'visits'];
/** Figures whose average is a percentage. */
const PARTS: readonly string[] = ['conversion'];
/** Platforms are called as they call themselves. */
const PLATFORMS: Record<string, string> = { line: 'LINE', facebook: 'Facebook', messenger: 'Messenger', instagram: 'Instagram', whatsapp: 'WhatsApp', web: 'Web', lazada: 'Lazada', shopee: 'Shopee', tiktok: 'TikTok' };

/** What a group is called. */
export function groupLabel(by: string, group: string, name: string | null | undefined): string {
  const t = words('sale').report;
  if (by === 'month' && /^\d{4}-\d\d$/.test(group)) return formatMonth(group);
  if (by === 'week' && /^\d{4}-\d\d-\d\d$/.test(group)) return t.weekOf(formatDay(group));
  if (by === 'weekday' && /^[1-7]$/.test(group)) return formatWeekday(Number(group));
  if (by === 'hour' && /^\d\d$/.test(group)) return `${group}:00–${group}:59`;
  if (by === 'channel') return name ?? PLATFORMS[group] ?? group;
  const [from, to] = group.split('/');
  if (from && to && /^\d{4}-\d\d-\d\d$/.test(to)) return `${formatDay(from)} – ${formatDay(to)}`;
  if (/^\d{4}-\d\d-\d\d$/.test(group)) return formatDay(group);
  return name ?? group;
}

/** What is drawn of a row: what it comes to, else its average, else how many. */
export const valueOf = (row: Row | undefined): number => (row ? row.total ?? row.average ?? row.count : 0);

/** A figure's value in its unit: money, a time, a percentage, or a number. */
export function formatFigure(figure: string, isMoney: boolean, value: number): string {
  if (isMoney) return formatMoney(value);
  if (TIMES.includes(figure)) return formatDuration(value);
  if (PARTS.includes(figure)) return formatPart(value / 100);
  return formatNumber(Math.round(value * 100) / 100);
}
