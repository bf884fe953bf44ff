// The one list of commands: the palette, the help sheet, tooltips and the listener all read it.
import { store } from '../store';
import { chord, composing, type Press } from './layout';

/** Something that a person can do from where they are. */
export interface Command {
  /** Stable name: `inbox.next`. Remapped keys are kept under it. */
  id: string;
  /** What it does, in the person's language. */
  label: string;
  /** Heading in the help sheet and the palette. */
  group: string;
  /** Chords: `j`, `g i`, `Mod+k`. The first is shown. */
  keys?: readonly string[];
  /** Also while a text field has the focus. Only for chords with Mod and for Escape. */
  inText?: boolean;
  /** Not in the palette (moving, for instance). */
  quiet?: boolean;
  run(): void;
}

/** How a person wants their keys. */
export interface KeyWishes {
  on: boolean;
  map: Record<string, string>;
}

/** All commands that can be given now, the most recently added set first. */
export const commands = store<readonly Command[]>([]);
/** The person's own keys. */
export const wishes = store<KeyWishes>({ on: true, map: {} });

const sets: (readonly Command[])[] = [];

/** Adds commands for as long as their screen is there; the answer takes them away. */
export function register(set: readonly Command[]): () => void {
  sets.unshift(set);
  commands.set(sets.flat());
  return () => {
    sets.splice(sets.indexOf(set), 1);
    commands.set(sets.flat());
  };
}

/** The chords of a command, after the person's wishes. */
export function keysOf(command: Command, own: KeyWishes = wishes.get()): readonly string[] {
  const mapped = own.map[command.id];
  if (mapped === undefined) return command.keys ?? [];
  return mapped === '' ? [] : [mapped];
}

/** What the listener needs to know of where a key was pressed. */
export interface Place {
  /** A text field has the focus. */
  text: boolean;
  /** A dialog or a list that popped up is open. */
  modal: boolean;
}

const SEQUENCE = 1000;
let begun: { keys: string; at: number } | null = null;

/** The command that a key gives, if any; remembers the first half of a sequence such as `g i`. */
export function decide(press: Press, place: Place, now: number, list = commands.get(), own = wishes.get()): Command | null {
  if (composing(press) || press.altKey || place.modal) return null;
  const one = chord(press);
  if (['Shift', 'Control', 'Meta', 'Alt', 'CapsLock'].includes(press.key)) return null;
  const before = begun && now - begun.at < SEQUENCE ? `${begun.keys} ` : '';
  begun = null;
  if (place.text || !own.on) {
    return list.find((command) => command.inText && keysOf(command, own).includes(one)) ?? null;
  }
  for (const wanted of before ? [before + one, one] : [one]) {
    const found = list.find((command) => keysOf(command, own).includes(wanted));
    if (found) return found;
  }
  if (list.some((command) => keysOf(command, own).some((keys) => keys.startsWith(`${one} `)))) begun = { keys: one, at: now };
  return null;
}

/** Forgets a half sequence. */
export function forget(): void {
  begun = null;
}
