import { useEffect, useRef, type KeyboardEvent, type RefObject } from 'react';

/** For the button that begins editing: when editing ends, it has the focus again. */
export function useFocusBack(isEditing: boolean): RefObject<HTMLButtonElement | null> {
  const button = useRef<HTMLButtonElement>(null);
  const was = useRef(isEditing);
  useEffect(() => {
    if (was.current && !isEditing) button.current?.focus();
    was.current = isEditing;
  }, [isEditing]);
  return button;
}

/** The first thing inside that something can be entered in. */
export const firstField = (inside: ParentNode | null): HTMLElement | null =>
  inside?.querySelector<HTMLElement>('input:not([type=hidden],:disabled),select:not(:disabled),textarea:not(:disabled),.pick,[role=spinbutton]') ?? null;

/** When something was refused, the first field at fault has the focus, once its fault is drawn. */
export function useFaultFocus(form: RefObject<HTMLElement | null>, error: unknown): void {
  useEffect(() => {
    if (error != null) form.current?.querySelector<HTMLElement>('[aria-invalid=true],.field.wrong .pick')?.focus();
  }, [form, error]);
}

/**
 * For `onKeyDownCapture` of a form: Ctrl or ⌘ with Enter submits it wherever the focus is. Captured, because a date field keeps its keys
 * to itself; a dialog that lies over the form has its own.
 */
export const onSubmitKey = (submit: (event: KeyboardEvent<HTMLFormElement>) => void) => (event: KeyboardEvent<HTMLFormElement>) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  if ((event.target as Element).closest('dialog') !== event.currentTarget.closest('dialog')) return;
  event.preventDefault();
  submit(event);
};
