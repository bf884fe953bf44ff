import type { ReactNode } from 'react';
import { say } from '../api/words';
import { Refusal } from '../api/client';
import { words } from '../i18n';
import { Button } from './Button';
import { Icon, type IconName } from './Icon';

/** Nothing to show yet. Not announced: what comes afterwards is. */
export function Loading() {
  return (
    <div className="state">
      <span className="spinner" aria-hidden="true" />
      <span>{words('core').loading}</span>
    </div>
  );
}

/** Why something is not there, with a way on. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = words('core');
  return (
    <div className="state" role="alert">
      <Icon name="warning" size={28} />
      <strong>{t.error.title}</strong>
      <p>{say(error)}</p>
      {error instanceof Refusal && error.traceId && <p className="hint">{t.error.trace(error.traceId)}</p>}
      {retry && <Button onClick={retry}>{t.act.retry}</Button>}
    </div>
  );
}

/** An empty place that says what belongs there. */
export function Empty({ icon = 'inbox', title, children }: { icon?: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <Icon name={icon} size={32} />
      <strong>{title}</strong>
      {children}
    </div>
  );
}
