import { useEffect, useId, useRef, type ReactNode } from 'react';
import { words } from '../i18n';
import { IconButton } from './Button';

interface Props {
  title: string;
  onClose(): void;
  children: ReactNode;
  /** Read out, not shown: the content has a head of its own. */
  bare?: boolean;
  className?: string;
}

/** A modal dialog on the browser's own element: it holds the focus, Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children, bare, className = '' }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus();
      else document.querySelector<HTMLElement>('main')?.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={`dialog ${className}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div className="dialog-body">
        <header className={bare ? 'unseen' : 'dialog-head'}>
          <h2 id={id}>{title}</h2>
          {!bare && <IconButton icon="close" label={words('core').act.close} onClick={onClose} />}
        </header>
        {children}
      </div>
    </dialog>
  );
}
