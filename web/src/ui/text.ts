/** For comparing: compatibility forms and letter case made equal. Thai marks are letters and stay. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** One line: the first one that says something. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

const graphemes = new Intl.Segmenter('th', { granularity: 'grapheme' });

/** The letters that stand for a name in a round picture. A Thai vowel written before its consonant is passed over. */
export function initials(name: string): string {
  const skip = /^[เแโใไ\s"'(.\-@#]$/u;
  for (const { segment } of graphemes.segment(name.replace(/^(นาย|นางสาว|นาง|คุณ|บริษัท|ร้าน)\s*/u, '') || name)) {
    if (!skip.test(segment)) return segment.toLocaleUpperCase();
  }
  return '?';
}

/** A number from 0 to `count` − 1 that is always the same for a text. */
export function hue(text: string, count: number): number {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum % count;
}
