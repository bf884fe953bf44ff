import { useRef } from 'react';
import { Button, IconButton } from './Button';

interface Props {
  label: string;
  /** Told what was chosen; the same file can be chosen again afterwards. */
  choose(files: File[]): void;
  multiple?: boolean;
  accept?: string;
  busy?: boolean;
  /** Only an icon. */
  small?: boolean;
}

/** A button that opens the machine's own choice of files. */
export function FileButton({ label, choose, multiple, accept, busy, small }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const open = () => input.current?.click();
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        tabIndex={-1}
        aria-label={label}
        multiple={multiple}
        accept={accept}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          if (files.length) choose(files);
        }}
      />
      {small ? <IconButton icon="clip" label={label} busy={busy} onClick={open} /> : <Button icon="clip" busy={busy} onClick={open}>{label}</Button>}
    </>
  );
}
