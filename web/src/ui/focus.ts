import { useEffect, useRef, type RefObject } from 'react';

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
