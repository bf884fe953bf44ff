import { beforeAll, expect, test, vi } from 'vitest';

// The language and the server's address are read from the browser as soon as they are imported.
let words: typeof import('../i18n').words;
let Refusal: typeof import('./client').Refusal;
let faults: typeof import('./words').faults;
let say: typeof import('./words').say;
beforeAll(async () => {
  vi.stubGlobal('navigator', { language: 'en-GB' });
  vi.stubGlobal('location', { origin: 'http://localhost' });
  const i18n = await import('../i18n');
  await i18n.load('core');
  words = i18n.words;
  ({ Refusal } = await import('./client'));
  ({ faults, say } = await import('./words'));
});

const refused = (status: number, ...all: [code: string, field: string, message: string][]) => new Refusal(status, all.map(([code, field, message]) => ({ code, field, message })), null, null);

test('fields of the form are called as their labels, and those at the same fault are named together', () => {
  const error = refused(400, ['required', 'name', 'name is required'], ['required', 'code', 'code is required']);
  expect(say(error, (field) => ({ name: 'Name', code: 'Code' })[field])).toBe(`${words('core').error.required} (Name, Code)`);
});

test('of what is not on the screen the server’s own sentence is said, each', () => {
  const error = refused(400, ['required', 'seller.address', 'The setting has no address'], ['required', 'seller.taxNo', 'The setting has no tax number']);
  expect(say(error, () => undefined)).toBe('The setting has no address\nThe setting has no tax number');
});

test('a code that says little gives way to the server’s sentence, also at the field', () => {
  const error = refused(400, ['out_of_range', 'amount', 'At most 40 can be given back'], ['required', 'name', 'name is required']);
  expect(say(error, (field) => field)).toContain('At most 40 can be given back (amount)');
  expect(faults(error)).toEqual({ amount: 'At most 40 can be given back', name: words('core').error.required });
  expect(say(refused(409, ['conflict', 'quotationNo', 'Quotation Q1 was valid until 2026-01-01']))).toBe('Quotation Q1 was valid until 2026-01-01');
});

test('in the server’s sentence the field is called as people call it', () => {
  const error = refused(400, ['out_of_range', 'items[0].qty', 'items[0].qty must be above 0']);
  expect(say(error, () => 'Pump')).toBe('Pump must be above 0');
  expect(faults(error)).toEqual({ 'items[0].qty': 'This must be above 0' });
  expect(faults(error.calling(() => 'lines[2].qty'))).toEqual({ 'lines[2].qty': 'This must be above 0' });
});

test('what was not sent has no sentence of the server', () => {
  expect(say(Refusal.of('not_a_number', 'qty'), () => 'Quantity')).toBe(`${words('core').error.not_a_number} (Quantity)`);
});
