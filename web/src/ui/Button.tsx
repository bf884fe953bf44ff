import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import { chordText } from '../keys';
import { Icon, type IconName } from './Icon';

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'plain' | 'main' | 'quiet' | 'danger';
  icon?: IconName;
  /** Shown at the end, as the key that does the same. */
  keys?: string;
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
  children?: ReactNode;
}

/** A button with words. While it is busy it does nothing, but keeps the focus. */
export function Button({ look = 'plain', icon, keys, busy, children, className = '', ...rest }: Props) {
  return (
    <button type="button" {...rest} className={`button ${look} ${className}`} data-autofocus={rest.autoFocus || undefined} aria-disabled={busy || undefined} aria-busy={busy || undefined} onClick={busy ? (event) => event.preventDefault() : rest.onClick}>
      {icon && <Icon name={icon} />}
      {children != null && <span>{children}</span>}
      {keys && <kbd>{chordText(keys)}</kbd>}
    </button>
  );
}

/** A button that is only an icon: its label is read out and shown as a tip. */
export function IconButton({ label, icon, keys, busy, className = '', look = 'quiet', ...rest }: Omit<Props, 'children' | 'icon'> & { label: string; icon: IconName }) {
  return (
    <button type="button" title={keys ? `${label} (${chordText(keys)})` : label} aria-label={label} {...rest} className={`button only ${look} ${className}`} aria-busy={busy || undefined}>
      <Icon name={icon} />
    </button>
  );
}
