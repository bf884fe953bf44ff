import { beforeAll, expect, test, vi } from 'vitest';

// The language is read from the browser as soon as it is imported.
let formatDuration: typeof import('../../i18n/format').formatDuration;
let shown: typeof import('./shown');
beforeAll(async () => {
  vi.stubGlobal('navigator', { language: 'en-GB' });
  await (await import('../../i18n')).load('sale');
  ({ formatDuration } = await import('../../i18n/format'));
  shown = await import('./shown');
});

test('a length of time is told in its two largest units', () => {
  expect(formatDuration(0)).toMatch(/^0/);
  expect(formatDuration(59.6)).toMatch(/^1/);
  expect(formatDuration(125).split(' ').filter((part) => /\d/.test(part))).toEqual(['2', '5']);
  expect(formatDuration(86_400 + 300)).toMatch(/^1\D*$/);
});

test('groups are called as people call them', () => {
  expect(shown.groupLabel('month', '2026-11', null)).not.toContain('2026-11');
  expect(shown.groupLabel('hour', '09', null)).toBe('09:00–09:59');
  expect(shown.groupLabel('channel', 'line', null)).toBe('LINE');
  expect(shown.groupLabel('weekday', '1', null)).not.toBe('1');
  expect(shown.groupLabel('none', '2026-10-25/2026-12-01', null)).toContain('–');
  expect(shown.groupLabel('person', 'Admin01', 'Malee')).toBe('Malee');
});

test('a figure is shown in its unit', () => {
  expect(shown.formatFigure('won', true, 900)).toMatch(/฿|THB/);
  expect(shown.formatFigure('conversion', false, 50)).toContain('%');
  expect(shown.formatFigure('fromCustomers', false, 3)).toBe('3');
  expect(shown.valueOf({ group: '', groupName: null, figure: 'won', count: 2, average: 450, total: 900 })).toBe(900);
});
