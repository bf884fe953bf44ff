import { useState, type ReactNode } from 'react';
import { say } from '../api/words';
import { words } from '../i18n';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { toast } from '../ui/Toast';
import { RecordForm, type FieldSpec, type Values } from './Form';
import { Refused } from './Refused';
import { copy } from '../ui/copy';

/** Asks before something that cannot be taken back. What the server refuses is said, and the question stays. */
export function Confirm({ title, text, act, look = 'danger', run, onClose }: { title: string; text?: ReactNode; act: string; look?: 'danger' | 'main'; run(): Promise<unknown>; onClose(): void }) {
  const t = words('core').act;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = () => {
    setBusy(true);
    run().then(onClose, setError).finally(() => setBusy(false));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="dialog-content">
        <Refused error={error} />
        {text && <div>{text}</div>}
        <div className="dialog-foot">
          <Button onClick={onClose}>{t.back}</Button>
          <Button look={look} autoFocus busy={busy} onClick={go}>{act}</Button>
        </div>
      </div>
    </Dialog>
  );
}

/** A label without the dots that say "asks first". */
export const plain = (label: string) => label.replace(/…$/, '');

/** A few fields in a dialog. Its button says what it does: `act`; without one it saves. Faults stand at their fields. */
export function Ask({ title, text, fields, first, act, look = 'main', save, onClose }: { title: string; text?: ReactNode; fields: readonly FieldSpec[]; first: Values; act?: string; look?: 'danger' | 'main'; save(values: Values): Promise<void>; onClose(): void }) {
  const t = words('core').act;
  const [begun] = useState(first);
  return (
    <Dialog title={plain(title)} onClose={onClose}>
      <div className="dialog-content">
        {text && <div>{text}</div>}
        <RecordForm fields={fields} first={begun} making act={plain(act ?? t.save)} look={look} back={t.back} save={async (values) => { await save(values); onClose(); }} cancel={onClose} />
      </div>
    </Dialog>
  );
}

/** Does something; says that it was done, or why not. */
export function attempt(run: Promise<unknown>, done?: string, undo?: () => void): Promise<boolean> {
  return run.then(
    () => {
      if (done) toast(done, undo ? { undo } : {});
      return true;
    },
    (error) => {
      toast(say(error), { bad: true });
      return false;
    },
  );
}

/** A text with a button that copies it. */
export function Copied({ text }: { text: string }) {
  const t = words('core').act;
  return (
    <span className="row wrap">
      <code className="grow code">{text}</code>
      <Button onClick={() => void copy(text)}>{t.copy}</Button>
    </span>
  );
}
