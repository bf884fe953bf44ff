import { words } from '../i18n';
import { toast } from './Toast';

/** Puts a text on the clipboard and says so. Over plain http browsers offer the old way only. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    // Within an open dialog: what lies behind it cannot have the focus.
    (document.querySelector('dialog[open]') ?? document.body).append(field);
    const before = document.activeElement;
    field.select();
    document.execCommand('copy');
    field.remove();
    if (before instanceof HTMLElement) before.focus();
  }
  toast(words('core').act.copied);
}
