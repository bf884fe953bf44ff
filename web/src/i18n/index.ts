// Two dictionaries with the same keys. An area's words are loaded with its screen; a missing key is a type error.
import type { Words } from './words';

export type Area = Extract<keyof Words, string>;
export type Lang = 'th' | 'en';

const files = import.meta.glob<{ default: unknown }>('./{en,th}/*.ts');
const loaded: Partial<Record<Area, unknown>> = {};

function chosen(): Lang {
  const kept = read('sala.lang');
  if (kept === 'th' || kept === 'en') return kept;
  return navigator.language.toLowerCase().startsWith('th') ? 'th' : 'en';
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** The language of this page. React Aria reads its words once, so another language is another page load. */
export const lang: Lang = chosen();

/** Keeps the language and loads the page anew. */
export function speak(next: Lang): void {
  if (next === lang) return;
  try {
    localStorage.setItem('sala.lang', next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  location.reload();
}

/** Loads the words of areas, and is done at once when they are there. */
export async function load(...areas: Area[]): Promise<void> {
  await Promise.all(
    areas
      .filter((area) => loaded[area] === undefined)
      .map(async (area) => {
        const file = files[`./${lang}/${area}.ts`];
        if (file) loaded[area] = (await file()).default;
      }),
  );
}

/** The words of an area that has been loaded. */
export function words<A extends Area>(area: A): Words[A] {
  return loaded[area] as Words[A];
}

/** A language is called by its own name, whatever the page's language. */
export const languages: Record<Lang, string> = { th: 'ไทย', en: 'English' };
