import { useEffect, useRef } from 'react';
import { shown } from './layout';
import { decide, register, type Command, type Place } from './registry';

export { commands, keysOf, wishes, type Command } from './registry';
export { composing } from './layout';

/** True on Apple's machines, whose command key is ⌘. */
export const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** A chord for people. */
export function chordText(keys: string): string {
  return shown(keys, mac);
}

const FIELDS = 'input:not([type=checkbox],[type=radio],[type=button],[type=submit],[type=range]),textarea,select,[contenteditable=true],[role=textbox],[role=combobox],[role=searchbox],[role=spinbutton]';

function placeOf(target: EventTarget | null): Place {
  const element = target instanceof Element ? target : null;
  return {
    text: element?.closest(FIELDS) != null,
    modal: document.querySelector('dialog[open],[role=dialog],[role=alertdialog],[role=menu],.popover') != null,
  };
}

/** Listens to the whole page. Called once. */
export function listen(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return;
    const command = decide(event, placeOf(event.target), event.timeStamp);
    if (!command) return;
    // Enter and Space on a control are the control's.
    if (/^(Enter| )$/.test(event.key) && !event.ctrlKey && !event.metaKey && event.target instanceof Element && event.target.closest('button,a[href],summary,[role=button]')) return;
    event.preventDefault();
    command.run();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

/** Offers commands while the component is there. `run` may close over anything: the newest is called. */
export function useCommands(list: readonly Command[]): void {
  const newest = useRef(list);
  useEffect(() => {
    newest.current = list;
  });
  const shape = list.map((command) => `${command.id}\n${command.label}\n${(command.keys ?? []).join(',')}`).join('\n\n');
  useEffect(
    () =>
      register(
        newest.current.map((command) => ({
          ...command,
          run: () => newest.current.find((one) => one.id === command.id)?.run(),
        })),
      ),
    [shape],
  );
}
