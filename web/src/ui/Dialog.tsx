import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { words } from '../i18n';
import { composing } from '../keys';
import { isUnsaved, mayLose, useUnsaved, Within } from '../unsaved';
import { IconButton } from './Button';
import { firstField } from './focus';

interface Props {
  title: string;
  onClose(): void;
  children: ReactNode;
  /** Read out, not shown: the content has a head of its own. */
  bare?: boolean;
  className?: string;
}

/**
 * A modal dialog on the browser's own element: it holds the focus, Escape closes it, and the focus goes back to where it was. Before
 * something typed in it is lost, it asks.
 */
export function Dialog({ title, onClose, children, bare, className = '' }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [me] = useState(() => ({}));
  const [typed, setTyped] = useState(false);
  useUnsaved(typed);
  const shut = () => {
    if (!typed && !isUnsaved(me)) return onClose();
    if (ref.current && !ref.current.open) ref.current.showModal();
    void mayLose().then((lose) => lose && onClose());
  };
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) {
      dialog.showModal();
      const content = dialog.querySelector('.dialog-content');
      (dialog.querySelector<HTMLElement>('[data-autofocus]') ?? firstField(content) ?? content?.querySelector<HTMLElement>('.button.main,.button.danger'))?.focus();
    }
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
        shut();
      }}
      onClose={(event) => {
        if (event.target === ref.current && !ref.current.open) shut();
      }}
      onKeyDown={(event) => {
        // These end this dialog, not what it stands in.
        if (event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey))) event.stopPropagation();
        if (event.key !== 'Escape' || event.defaultPrevented || composing(event.nativeEvent)) return;
        event.preventDefault();
        shut();
      }}
      onInput={(event) => {
        event.stopPropagation();
        if (!bare && event.target instanceof Element && event.target.closest('form')) setTyped(true);
      }}
      onMouseDown={(event) => {
        if (event.target !== ref.current) return;
        event.preventDefault();
        shut();
      }}
    >
      <div className="dialog-body">
        <header className={bare ? 'unseen' : 'dialog-head'}>
          <h2 id={id}>{title}</h2>
          {!bare && <IconButton icon="close" label={words('core').act.close} onClick={shut} />}
        </header>
        <Within value={me}>{children}</Within>
      </div>
    </dialog>
  );
}
