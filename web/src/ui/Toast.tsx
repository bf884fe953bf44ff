import { useEffect } from 'react';
import { words } from '../i18n';
import { store, useStore } from '../store';
import { Button, IconButton } from './Button';

interface Toast {
  id: number;
  text: string;
  undo?: () => void;
  bad?: boolean;
}

const toasts = store<readonly Toast[]>([]);
let last = 0;

/** Says that something was done. With `undo` it stays for ten seconds, and the key `z` takes it back. */
export function toast(text: string, more: { undo?: () => void; bad?: boolean } = {}): void {
  const id = ++last;
  toasts.set((now) => [...now.slice(-2), { id, text, ...more }]);
  setTimeout(() => drop(id), more.bad ? 12_000 : more.undo ? 10_000 : 4000);
}

function drop(id: number): void {
  toasts.set((now) => now.filter((one) => one.id !== id));
}

/** Takes back the newest act that can be taken back. */
export function undoLast(): void {
  const found = toasts.get().findLast((one) => one.undo);
  if (!found) return;
  drop(found.id);
  found.undo?.();
}

/** Where they are shown, read out politely. */
export function Toasts() {
  const shown = useStore(toasts);
  const t = words('core').act;
  useEffect(() => () => toasts.set([]), []);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} className={one.bad ? 'toast bad' : 'toast'}>
          <span>{one.text}</span>
          {one.undo && (
            <Button look="quiet" keys="z" onClick={() => { drop(one.id); one.undo?.(); }}>
              {t.undo}
            </Button>
          )}
          <IconButton icon="close" label={t.close} onClick={() => drop(one.id)} />
        </div>
      ))}
    </div>
  );
}
