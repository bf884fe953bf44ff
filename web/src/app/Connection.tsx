import { connection } from '../live/stream';
import { parcels } from '../live/post';
import { words } from '../i18n';
import { formatClock } from '../i18n/format';
import { useStore } from '../store';

/** Whether what is on screen is true now. Always visible: people refresh when they are not sure. */
export function ConnectionMark() {
  const now = useStore(connection);
  const waiting = useStore(parcels).filter((parcel) => parcel.state === 'waiting').length;
  const t = words('core').live;
  const text = now.state === 'live' ? t.live : now.state === 'catching' ? t.catching : t.offline(formatClock(now.since));
  return (
    <div className={`connection ${now.state}`} role="status" aria-label={t.label}>
      <span className="dot" aria-hidden="true" />
      <span>{text}</span>
      {waiting > 0 && now.state !== 'live' && <span>{t.waiting(waiting)}</span>}
    </div>
  );
}
