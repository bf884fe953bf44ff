import { useRef } from 'react';
import { words } from '../../i18n';
import { formatPart, formatSize } from '../../i18n/format';
import { Button, IconButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { retry, unstage, type Staged } from './files';

/** The files in a composer: what each is called, how large it is, how far it has come, and a button to take it out again. */
export function StagedFiles({ room, files, onGone, say }: { room: string; files: readonly Staged[]; onGone(): void; say(text: string): void }) {
  const t = words('inbox').files;
  const list = useRef<HTMLUListElement>(null);
  const state = (file: Staged) =>
    file.state === 'queued' ? t.queued : file.state === 'uploading' ? t.uploading(formatPart(file.done)) : file.state === 'ready' ? t.ready : file.state === 'failed' ? t.failed(file.reason ?? '') : t.refused(file.reason ?? '');

  function remove(index: number, file: Staged) {
    unstage(room, file.id);
    say(t.added(files.length - 1));
    // The focus goes on to the next one; after the last, back to the text.
    requestAnimationFrame(() => {
      const buttons = [...(list.current?.querySelectorAll<HTMLElement>('.staged-remove') ?? [])];
      const next = buttons[Math.min(index, buttons.length - 1)];
      if (next) next.focus();
      else onGone();
    });
  }

  return (
    <ul ref={list} className="staged" aria-label={t.label}>
      {files.map((file, index) => (
        <li key={file.id} className={file.state} aria-busy={file.state === 'uploading' || undefined}>
          {file.picture ? <img src={file.picture} alt="" width={40} height={40} /> : <span className="staged-icon"><Icon name="document" size={22} /></span>}
          <span className="staged-text">
            <span className="staged-name">{file.name}</span>
            <span className="small muted">{formatSize(file.size)}</span>
            <span className={file.state === 'failed' || file.state === 'refused' ? 'fault' : 'small muted'} role={file.state === 'failed' || file.state === 'refused' ? 'alert' : undefined}>{state(file)}</span>
          </span>
          {file.state === 'failed' && <Button look="quiet" aria-label={`${words('inbox').thread.retry}: ${file.name}`} onClick={() => retry(room, file.id)}>{words('inbox').thread.retry}</Button>}
          <IconButton className="staged-remove" icon="close" label={t.remove(file.name)} onClick={() => remove(index, file)} />
        </li>
      ))}
    </ul>
  );
}
