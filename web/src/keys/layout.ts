// Which key was meant. A Latin layout says it with the letter; any other (the Thai one gives ่ for J) with the key's place.

const PLACES: Record<string, [plain: string, shifted: string]> = {
  Slash: ['/', '?'],
  BracketLeft: ['[', '{'],
  BracketRight: [']', '}'],
  Period: ['.', '>'],
  Comma: [',', '<'],
  Minus: ['-', '_'],
  Equal: ['=', '+'],
  Semicolon: [';', ':'],
};

/** The part of a keyboard event that is looked at. */
export interface Press {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  isComposing?: boolean;
  keyCode?: number;
}

/** True while an input method is being used: such a key is never a command. */
export function composing(press: Press): boolean {
  return press.isComposing === true || press.keyCode === 229;
}

/** The key's name without modifiers: `j`, `?`, `Enter`, `Space`. */
export function keyName(press: Press): string {
  const { key, code } = press;
  if (key === ' ') return 'Space';
  if (key.length > 1 && key !== 'Unidentified' && key !== 'Process' && key !== 'Dead') return key;
  if (/^[\x21-\x7e]$/.test(key)) return key.toLowerCase();
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return letter.toLowerCase();
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  if (digit) return digit;
  const place = PLACES[code];
  if (place) return press.shiftKey ? place[1] : place[0];
  return key;
}

/** The whole chord, as it is written in the registry: `j`, `Shift+j`, `Mod+k`, `Mod+Enter`, `?`. */
export function chord(press: Press): string {
  const name = keyName(press);
  const parts: string[] = [];
  if (press.ctrlKey || press.metaKey) parts.push('Mod');
  if (press.altKey) parts.push('Alt');
  // Shift is part of a sign such as `?` already.
  if (press.shiftKey && (name.length > 1 || /^[a-z0-9]$/.test(name))) parts.push('Shift');
  parts.push(name);
  return parts.join('+');
}

/** How a chord is shown to people: `Ctrl K`, `⌘ K`, `Shift J`, `G I`. */
export function shown(keys: string, mac: boolean): string {
  return keys
    .split(' ')
    .map((one) =>
      one
        .split('+')
        .map((part) => (part === 'Mod' ? (mac ? '⌘' : 'Ctrl') : part.length === 1 ? part.toUpperCase() : part))
        .join(' '),
    )
    .join(' ');
}
