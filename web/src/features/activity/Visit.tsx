import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatNumber, formatTime } from '../../i18n/format';
import { attempt, Confirm, Copied } from '../../screen/Ask';
import type { Values } from '../../screen/Form';
import { Button, IconButton } from '../../ui/Button';
import { PersonName, usePeople } from '../../screen/names';
import { Dialog } from '../../ui/Dialog';
import { FileButton } from '../../ui/FileButton';

const pathOf = (no: string) => `/v1/activity/${encodeURIComponent(no)}`;

/** Where this machine is, when its owner allows that; a visit is also written down without. */
function here(): Promise<{ latitude: number; longitude: number } | Record<string, never>> {
  return new Promise((resolve) => {
    if (!navigator.geolocation) return resolve({});
    navigator.geolocation.getCurrentPosition((found) => resolve({ latitude: found.coords.latitude, longitude: found.coords.longitude }), () => resolve({}), { timeout: 8000, maximumAge: 60_000 });
  });
}

/** Coming and going: each is written down once, with the place where the machine says so. */
export function VisitActs({ values, again }: { values: Values; again(): void }) {
  const t = words('work').activity;
  const [busy, setBusy] = useState(false);
  if (!may('activity:write') || values['state'] === 'cancelled') return null;
  const act = async (what: 'check-in' | 'check-out', done: string) => {
    setBusy(true);
    await attempt(here().then((place) => call('POST', `${pathOf(String(values['activityNo']))}/${what}`, { body: place, key: crypto.randomUUID() })).then(again), done);
    setBusy(false);
  };
  if (!values['checkIn']) return <Button icon="check" busy={busy} onClick={() => void act('check-in', t.cameDone)}>{t.come}</Button>;
  if (!values['checkOut']) return <Button icon="check" busy={busy} onClick={() => void act('check-out', t.wentDone)}>{t.go}</Button>;
  return null;
}

interface Stay {
  date: string;
  latitude?: number | null;
  longitude?: number | null;
  locationName?: string | null;
  distanceMeters?: number | null;
}

/** When somebody came and went, and how far from the place that was agreed. */
export function Visit({ values }: { values: Values }) {
  const t = words('work').activity;
  const stays = ([[t.came, values['checkIn']], [t.went, values['checkOut']]] as const).filter((one): one is readonly [string, Stay] => !!one[1]);
  if (stays.length === 0) return null;
  return (
    <section className="card" aria-label={t.visit}>
      <h2>{t.visit}</h2>
      <dl className="pairs">
        {stays.map(([label, stay]) => (
          <div key={label} className="pair">
            <dt>{label}</dt>
            <dd>{[formatTime(stay.date), stay.locationName, stay.distanceMeters != null && t.away(formatNumber(stay.distanceMeters))].filter(Boolean).join(' · ')}</dd>
          </div>
        ))}
        {values['minutesSpent'] != null && <div className="pair"><dt>{t.spent}</dt><dd>{t.minutes(formatNumber(Number(values['minutesSpent'])))}</dd></div>}
      </dl>
    </section>
  );
}

interface Attached {
  fileId: string;
  fileName: string;
  fileUrl?: string | null;
  dateCreated: string;
}

/** Photos and papers of a visit. */
export function VisitFiles({ no }: { no: string }) {
  const t = words('work').activity;
  const core = words('core').act;
  const cache = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [gone, setGone] = useState<Attached | null>(null);
  const can = may('activity:write');
  const path = `${pathOf(no)}/files`;
  const list = useQuery({ queryKey: ['activity', no, 'files'], queryFn: () => call<{ value: Attached[] } | Attached[]>('GET', path, { query: { take: 100 } }), retry: false });
  const again = () => cache.invalidateQueries({ queryKey: ['activity', no, 'files'] });
  async function put(chosen: File[]) {
    const form = new FormData();
    for (const file of chosen) form.append('files', file);
    setBusy(true);
    await attempt(call('POST', path, { form, key: crypto.randomUUID() }).then(again), t.fileAdded);
    setBusy(false);
  }
  const files = Array.isArray(list.data) ? list.data : list.data?.value ?? [];
  return (
    <section className="card" aria-label={t.files}>
      <div className="bar">
        <h2 className="grow">{t.files}</h2>
        {can && <FileButton label={t.addFile} multiple busy={busy} choose={(chosen) => void put(chosen)} />}
      </div>
      {files.length === 0 ? <p className="muted">{t.noFile}</p> : (
        <ul className="timeline">
          {files.map((one) => (
            <li key={one.fileId}>
              <time>{formatDay(one.dateCreated)}</time>
              <div className="row wrap">
                <span className="grow">{one.fileUrl ? <a href={one.fileUrl} target="_blank" rel="noreferrer">{one.fileName}</a> : one.fileName}</span>
                {can && <IconButton icon="close" label={`${core.remove}: ${one.fileName}`} onClick={() => setGone(one)} />}
              </div>
            </li>
          ))}
        </ul>
      )}
      {gone && <Confirm title={words('record').sure(gone.fileName)} act={core.remove} run={() => call('DELETE', `${path}/${gone.fileId}`).then(again)} onClose={() => setGone(null)} />}
    </section>
  );
}

interface Feed {
  calendarId: number;
  staffCode: string;
  url?: string | null;
  dateCreated: string;
}

/** Addresses at which a calendar program reads one's activities. Each is shown once; whoever has it reads along. */
export function Feeds({ onClose }: { onClose(): void }) {
  const t = words('work').activity;
  const core = words('core').act;
  const cache = useQueryClient();
  const people = usePeople();
  const [made, setMade] = useState<string | null>(null);
  const list = useQuery({ queryKey: ['activity-calendars'], queryFn: () => call<Feed[]>('GET', '/v1/activity/calendars') });
  const again = () => cache.invalidateQueries({ queryKey: ['activity-calendars'] });
  return (
    <Dialog title={t.feeds} onClose={onClose}>
      <div className="dialog-content">
        <p>{t.feedsText}</p>
        {made && <Copied text={made} />}
        <ul className="entries">
          {(list.data ?? []).map((one) => (
            <li key={one.calendarId} className="bar">
              <span className="grow"><PersonName of={one.staffCode} />{` · ${formatDay(one.dateCreated)}`}</span>
              <IconButton icon="close" label={`${core.remove}: ${people.get(one.staffCode.toLowerCase())?.fullname ?? one.staffCode} ${formatDay(one.dateCreated)}`} onClick={() => void attempt(call('DELETE', `/v1/activity/calendars/${one.calendarId}`).then(again), t.feedGone)} />
            </li>
          ))}
        </ul>
        <div className="dialog-foot">
          <Button onClick={onClose}>{core.close}</Button>
          <Button look="main" onClick={() => void attempt(call<Feed>('POST', '/v1/activity/calendars', { body: {}, key: crypto.randomUUID() }).then((feed) => { setMade(feed.url ? new URL(feed.url, location.origin).href : null); return again(); }))}>{t.feedNew}</Button>
        </div>
      </div>
    </Dialog>
  );
}
