import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call, may, Refusal } from '../../api/client';
import { faults } from '../../api/words';
import { words } from '../../i18n';
import { formatDay, locale } from '../../i18n/format';
import { ClockField } from '../../screen/Form';
import { readClock } from '../../screen/number';
import { Refused } from '../../screen/Refused';
import { Button, IconButton } from '../../ui/Button';
import { DateField } from '../../ui/DateField';
import { SelectField, TextField } from '../../ui/Field';
import { useFocusBack } from '../../ui/focus';
import { toast } from '../../ui/Toast';
import { useUnsaved } from '../../unsaved';
import { useSetting } from './setting';

interface Span {
  day: number;
  from: string;
  to: string;
}
interface Holiday {
  date: string;
  name: string;
}

/** Monday is 1. The first of January 2024 was one. */
const dayName = (day: number) => new Intl.DateTimeFormat(locale, { weekday: 'long', timeZone: 'UTC' }).format(new Date(Date.UTC(2024, 0, day)));
/** A day of the wall's calendar, as that day wherever one sits. */
const dateName = (date: string) => formatDay(`${date}T12:00:00`);
const short = (time: string) => time.slice(0, 5);

/** When the company works, and on which days nobody does. What is promised to customers is counted in this time. */
export function Hours() {
  const t = words('manage').hours;
  const core = words('core').act;
  const cache = useQueryClient();
  const found = useSetting();
  const [spans, setSpans] = useState<Span[] | null>(null);
  const [days, setDays] = useState<Holiday[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [begun, setBegun] = useState('');
  const editButton = useFocusBack(spans !== null);
  useUnsaved(spans !== null && !busy && JSON.stringify([spans, days]) !== begun);
  if (!found.data) return null;
  const { values, version } = found.data;
  const now = ((values['businessHours'] ?? []) as Span[]).map((one) => ({ ...one, from: short(one.from), to: short(one.to) }));
  const holidays = (values['holidays'] ?? []) as Holiday[];
  const begin = () => {
    const offered = now.length ? now : [1, 2, 3, 4, 5].map((day) => ({ day, from: '09:00', to: '18:00' }));
    setSpans(offered);
    setDays(holidays);
    setBegun(JSON.stringify([offered, holidays]));
    setError(null);
  };
  async function save(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    try {
      const read = (spans ?? []).map((one) => ({ ...one, from: readClock(one.from), to: readClock(one.to) }));
      const noClock = read.flatMap((one, index) => (['from', 'to'] as const).filter((key) => !one[key]).map((key) => `${key}[${index}]`));
      const noDay = days.flatMap((one, index) => (/^\d{4}-\d\d-\d\d$/.test(one.date) ? [] : [`date[${index}]`]));
      if (noClock.length || noDay.length) throw Refusal.of('invalid_format', ...noClock, ...noDay);
      const businessHours = (read as Span[]).sort((a, b) => a.day - b.day || a.from.localeCompare(b.from));
      await call('PUT', '/v1/setting', { body: { businessHours, holidays: [...days].sort((a, b) => a.date.localeCompare(b.date)) }, ...(version ? { match: version } : {}) });
      await cache.invalidateQueries({ queryKey: ['setting'] });
      setSpans(null);
      toast(words('core').saved);
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  }
  const wrong = faults(error);
  const put = (at: number, change: Partial<Span>) => setSpans((all) => (all ?? []).map((one, index) => (index === at ? { ...one, ...change } : one)));
  const putDay = (at: number, change: Partial<Holiday>) => setDays((all) => all.map((one, index) => (index === at ? { ...one, ...change } : one)));
  return (
    <section className="card" aria-label={t.title}>
      <div className="bar">
        <h2 className="grow">{t.title}</h2>
        {may('setting:write') && !spans && <Button ref={editButton} aria-label={`${core.edit}: ${t.title}`} onClick={begin}>{core.edit}</Button>}
      </div>
      <p className="hint">{t.text}</p>
      {!spans ? (
        <>
          {now.length === 0 && <p className="muted">{t.always}</p>}
          <ul>
            {now.map((one, index) => <li key={index}>{t.span(dayName(one.day), one.from, one.to)}</li>)}
            {holidays.map((one) => <li key={one.date} className="muted">{`${dateName(one.date)} · ${one.name}`}</li>)}
          </ul>
        </>
      ) : (
        <form className="form" onSubmit={save} noValidate>
          <Refused error={error} labelOf={(name) => ({ from: t.from, to: t.to, date: t.date })[name.split('[')[0] ?? '']} />
          {spans.map((one, index) => (
            <div key={index} className="bar">
              <SelectField label={t.day} autoFocus={index === 0} value={one.day} onChange={(event) => put(index, { day: Number(event.target.value) })}>
                {[1, 2, 3, 4, 5, 6, 7].map((day) => <option key={day} value={day}>{dayName(day)}</option>)}
              </SelectField>
              <ClockField label={t.from} required error={wrong[`from[${index}]`]} value={one.from} onChange={(from) => put(index, { from })} />
              <ClockField label={t.to} required error={wrong[`to[${index}]`]} value={one.to} onChange={(to) => put(index, { to })} />
              <IconButton icon="close" label={`${core.remove}: ${t.span(dayName(one.day), one.from, one.to)}`} onClick={() => setSpans(spans.filter((_, at) => at !== index))} />
            </div>
          ))}
          <div><Button icon="plus" onClick={() => setSpans([...spans, { day: Math.min(7, (spans.at(-1)?.day ?? 0) + 1), from: '09:00', to: '18:00' }])}>{t.addSpan}</Button></div>
          <h3>{t.holidays}</h3>
          {days.map((one, index) => (
            <div key={index} className="bar">
              <DateField label={t.date} required error={wrong[`date[${index}]`]} value={one.date || null} onChange={(date) => putDay(index, { date: date ?? '' })} />
              <TextField label={t.name} required value={one.name} onChange={(event) => putDay(index, { name: event.target.value })} />
              <IconButton icon="close" label={`${core.remove}: ${one.name || one.date}`} onClick={() => setDays(days.filter((_, at) => at !== index))} />
            </div>
          ))}
          <div><Button icon="plus" onClick={() => setDays([...days, { date: '', name: '' }])}>{t.addHoliday}</Button></div>
          <div className="bar">
            <Button type="submit" look="main" busy={busy}>{core.save}</Button>
            <Button onClick={() => setSpans(null)}>{core.cancel}</Button>
          </div>
        </form>
      )}
    </section>
  );
}
