// What was typed and is not saved yet: one list of it, and one question before it is lost.
import { createContext, useContext, useEffect, useState } from 'react';
import { store } from './store';

/** The dialog that something stands in. */
export const Within = createContext<object | null>(null);

const held = new Map<object, object | null>();

/** True when something typed would be lost; with a dialog, when that is in it. */
export function isUnsaved(dialog?: object): boolean {
  return dialog === undefined ? held.size > 0 : [...held.values()].includes(dialog);
}

/** Counts a form among what is unsaved as long as `is` holds. What it answers takes it out at once, for who gives up. */
export function useUnsaved(is: boolean): () => void {
  const [me] = useState(() => ({}));
  const dialog = useContext(Within);
  useEffect(() => {
    if (!is) return;
    held.set(me, dialog);
    return () => void held.delete(me);
  }, [is, me, dialog]);
  return () => void held.delete(me);
}

/** Lets go of all that is typed: the page starts anew for somebody else. */
export const forgetUnsaved = () => held.clear();

/** The question that stands open, as the function that takes its answer: true to lose what was typed. */
export const question = store<((lose: boolean) => void) | null>(null);

/** Asks whether what was typed may be lost. */
export function mayLose(): Promise<boolean> {
  question.get()?.(false);
  return new Promise((resolve) => {
    question.set(() => (lose: boolean) => {
      question.set(null);
      resolve(lose);
    });
  });
}

/** Whether the page may be left: after the question when something was typed. */
export async function mayLeave(): Promise<boolean> {
  if (!isUnsaved()) return true;
  if (!(await mayLose())) return false;
  held.clear();
  return true;
}
