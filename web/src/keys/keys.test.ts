import { expect, test } from 'vitest';
import { chord, keyName, shown, type Press } from './layout';
import { decide, forget, type Command } from './registry';

const press = (key: string, code: string, more: Partial<Press> = {}): Press => ({ key, code, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });
const run = () => {};
const list: Command[] = [
  { id: 'next', label: '', group: '', keys: ['j'], run },
  { id: 'earlier', label: '', group: '', keys: ['Shift+j'], run },
  { id: 'help', label: '', group: '', keys: ['?'], run },
  { id: 'search', label: '', group: '', keys: ['/'], run },
  { id: 'palette', label: '', group: '', keys: ['Mod+k'], inText: true, run },
  { id: 'go', label: '', group: '', keys: ['g i'], run },
  { id: 'info', label: '', group: '', keys: ['i'], run },
  { id: 'reply', label: '', group: '', keys: ['Enter'], run },
];
const own = { on: true, map: {} };
const page = { text: false, modal: false };
const id = (one: Press, place = page, now = 0, wishes: { on: boolean; map: Record<string, string> } = own) => decide(one, place, now, list, wishes)?.id;

test('a Latin layout says the key by its letter, the Thai one by its place', () => {
  expect(keyName(press('j', 'KeyJ'))).toBe('j');
  expect(keyName(press('่', 'KeyJ'))).toBe('j');
  expect(keyName(press('ฝ', 'Slash'))).toBe('/');
  expect(keyName(press('ฦ', 'Slash', { shiftKey: true }))).toBe('?');
  expect(keyName(press('บ', 'BracketLeft'))).toBe('[');
  // A Dvorak layout has its J where QWERTY has C.
  expect(keyName(press('j', 'KeyC'))).toBe('j');
  expect(chord(press('J', 'KeyJ', { shiftKey: true }))).toBe('Shift+j');
  expect(chord(press('๋', 'KeyJ', { shiftKey: true }))).toBe('Shift+j');
  expect(chord(press('า', 'KeyK', { ctrlKey: true }))).toBe('Mod+k');
  expect(shown('Mod+k', true)).toBe('⌘ K');
});

test('keys give their command in both layouts', () => {
  expect(id(press('j', 'KeyJ'))).toBe('next');
  expect(id(press('่', 'KeyJ'))).toBe('next');
  expect(id(press('?', 'Slash', { shiftKey: true }))).toBe('help');
  expect(id(press('ฦ', 'Slash', { shiftKey: true }))).toBe('help');
  expect(id(press('า', 'KeyK', { ctrlKey: true }))).toBe('palette');
});

test('a sequence has a second; its second key alone keeps its own meaning', () => {
  forget();
  expect(id(press('g', 'KeyG'), page, 0)).toBeUndefined();
  expect(id(press('ร', 'KeyI'), page, 900)).toBe('go');
  expect(id(press('i', 'KeyI'), page, 1000)).toBe('info');
  id(press('g', 'KeyG'), page, 2000);
  expect(id(press('i', 'KeyI'), page, 3100)).toBe('info');
});

test('nothing but Ctrl is a command in a text field, nothing at all in a dialog, while composing, or with Alt', () => {
  for (let code = 97; code < 123; code++) {
    const letter = String.fromCharCode(code);
    expect(id(press(letter, `Key${letter.toUpperCase()}`), { text: true, modal: false })).toBeUndefined();
  }
  expect(id(press('k', 'KeyK', { ctrlKey: true }), { text: true, modal: false })).toBe('palette');
  expect(id(press('j', 'KeyJ'), { text: false, modal: true })).toBeUndefined();
  expect(id(press('Enter', 'Enter', { isComposing: true }))).toBeUndefined();
  expect(id(press('Process', 'KeyJ', { keyCode: 229 }))).toBeUndefined();
  expect(id(press('j', 'KeyJ', { altKey: true }))).toBeUndefined();
  // Zooming is the browser's.
  expect(id(press('+', 'Equal', { ctrlKey: true }))).toBeUndefined();
});

test('a person may turn single keys off, or give a command another key', () => {
  expect(id(press('j', 'KeyJ'), page, 0, { on: false, map: {} })).toBeUndefined();
  expect(id(press('k', 'KeyK', { ctrlKey: true }), page, 0, { on: false, map: {} })).toBe('palette');
  expect(id(press('x', 'KeyX'), page, 0, { on: true, map: { next: 'x' } })).toBe('next');
  expect(id(press('j', 'KeyJ'), page, 0, { on: true, map: { next: '' } })).toBeUndefined();
});
