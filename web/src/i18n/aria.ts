import { lang } from './index';

const STRINGS = Symbol.for('react-aria.i18n.strings');
const LOCALE = Symbol.for('react-aria.i18n.locale');

/** Gives React Aria its words in Thai, which it does not bring. It reads this table once, so it stands there before the first component. */
export async function teach(): Promise<void> {
  const target = window as unknown as Record<symbol, unknown>;
  if (lang === 'th') {
    target[STRINGS] = (await import('./th/aria')).default;
    target[LOCALE] = 'th-TH';
  } else {
    target[LOCALE] = 'en-GB';
  }
}
