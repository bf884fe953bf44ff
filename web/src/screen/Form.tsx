import { useContext, useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { Refusal } from '../api/client';
import { faultOf, faults, isPart } from '../api/words';
import { composing } from '../keys';
import { words } from '../i18n';
import { formatDay, formatMoney, formatNumber, formatTime } from '../i18n/format';
import { Button } from '../ui/Button';
import { Check, SelectField, TextArea, TextField } from '../ui/Field';
import { DateField } from '../ui/DateField';
import { firstField, onSubmitKey, useFaultFocus } from '../ui/focus';
import { ListField } from '../ui/ListField';
import { mayLose, useUnsaved, Within } from '../unsaved';
import { PersonName } from './names';
import { PeopleField, PickedName, PickField, type Picker } from './Pick';
import { useChoices, type ListName } from './choices';
import { Refused } from './Refused';
import { readClock, readNumber } from './number';

/** A property of a record: how it is shown and how it is edited. */
export interface FieldSpec {
  id: string;
  label: string;
  kind?: 'text' | 'area' | 'number' | 'money' | 'date' | 'time' | 'choice' | 'list' | 'yes' | 'email' | 'phone' | 'pick' | 'names' | 'people';
  required?: boolean;
  /** A choice among these. Numbers stay numbers. */
  options?: readonly { value: string | number; label: string }[];
  /** A choice among the names of a look-up list; of a text these are offered. */
  list?: ListName;
  /** The value is the entry's number, not its name. */
  ids?: boolean;
  picker?: Picker;
  /** The property that has the value in words: `customerName` of `customerCode`. */
  named?: string;
  /** Shown, never edited. */
  fixed?: boolean;
  /** Only while a record is made. */
  once?: boolean;
  /** What the server calls it, where that is another name. */
  sentAs?: string;
  hint?: string;
  whole?: boolean;
}

/** A record as this form sees it. */
export type Values = Record<string, unknown>;

/** A value for people. */
export function Shown({ field, value, said }: { field: FieldSpec; value: unknown; said?: unknown }): ReactNode {
  const t = words('core').list;
  const choices = useChoices(field.kind === 'choice' && !field.options ? field.list : undefined);
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return <span className="muted">{t.unset}</span>;
  switch (field.kind) {
    case 'money':
      return formatMoney(value as string);
    case 'number':
      return formatNumber(Number(value));
    case 'date':
      return formatDay(value as string);
    case 'time':
      return formatTime(value as string);
    case 'yes':
      return value ? t.yes : t.no;
    case 'email':
      return <a href={`mailto:${String(value)}`}>{String(value)}</a>;
    case 'phone':
      return <a href={`tel:${String(value)}`}>{String(value)}</a>;
    case 'area':
      return <span className="pre">{String(value)}</span>;
    case 'people':
      return <span className="row wrap">{(value as string[]).map((one) => <span key={one} className="chip"><PersonName of={one} /></span>)}</span>;
    case 'names':
    case 'list':
      return <span className="row wrap">{(value as string[]).map((one) => <span key={one} className="chip">{one}</span>)}</span>;
    case 'choice':
      return field.options?.find((option) => String(option.value) === String(value))?.label ?? choices.find((one) => one.name === value || String(one.id) === String(value))?.label ?? String(said || value);
    case 'pick':
      return <PickedName picker={field.picker} value={value} said={said} />;
    default:
      return String(value);
  }
}

/** The properties as pairs. Empty ones are left out. */
export function Pairs({ fields, values }: { fields: readonly FieldSpec[]; values: Values }) {
  const shown = fields.filter((field) => {
    const value = values[field.id];
    return value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
  });
  return (
    <dl className="pairs">
      {shown.map((field) => (
        <div key={field.id} className="pair">
          <dt>{field.label}</dt>
          <dd><Shown field={field} value={values[field.id]} said={field.named && values[field.named]} /></dd>
        </div>
      ))}
    </dl>
  );
}

interface Props {
  fields: readonly FieldSpec[];
  first: Values;
  making: boolean;
  save(changed: Values): Promise<void>;
  cancel(): void;
  /** What its buttons say, where that is not "save" and "cancel". */
  act?: string;
  look?: 'danger' | 'main';
  back?: string;
  children?: ReactNode;
}

/** The form of a record. Only what was changed is sent; what the server faults stands at its field, and what was typed stays. */
export function RecordForm({ fields, first, making, save, cancel, act, look = 'main', back, children }: Props) {
  const t = words('core');
  const [values, setValues] = useState<Values>(first);
  const [base, setBase] = useState<Values>(first);
  // When somebody else changed the record meanwhile, what was not touched here follows; what was typed stays.
  const [saved, setSaved] = useState<Values | null>(null);
  if (first !== base) {
    setBase(first);
    setSaved(null);
    setValues((now) => ({ ...first, ...Object.fromEntries(fields.filter((field) => now[field.id] !== base[field.id]).map((field) => [field.id, now[field.id]])) }));
  }
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const wrong = faults(error);
  const put = (id: string, value: unknown) => setValues((now) => ({ ...now, [id]: value }));
  const isTyped = fields.some((field) => !isSame(values[field.id], (saved ?? first)[field.id]));
  const release = useUnsaved(isTyped && !busy);
  const giveUp = () => {
    release();
    cancel();
  };
  const isInDialog = useContext(Within) !== null;
  const form = useRef<HTMLFormElement>(null);
  // A dialog sees to this itself.
  useEffect(() => {
    if (!isInDialog && !form.current?.contains(document.activeElement)) firstField(form.current)?.focus();
  }, [isInDialog]);

  useFaultFocus(form, error);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    const sent = fields.filter((field) => !field.fixed && (making ? values[field.id] !== undefined : !isSame(values[field.id], first[field.id])));
    const changed = Object.fromEntries(sent.map((field) => [field.id, settled(field, values[field.id])]));
    try {
      const bad = sent.filter((field) => changed[field.id] === undefined);
      if (bad.length) throw new Refusal(400, bad.map((field) => ({ code: isNumber(field) ? 'not_a_number' : isDayAlone(field, values[field.id]) ? 'required' : 'invalid_format', field: field.id, message: '' })), null, null);
      await save(changed);
      setSaved(values);
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form ref={form} className="form" onSubmit={submit} noValidate onInput={(event) => event.stopPropagation()} onKeyDownCapture={onSubmitKey((event) => void submit(event))} onKeyDown={(event) => {
      if (event.key !== 'Escape' || event.defaultPrevented || isInDialog || composing(event.nativeEvent)) return;
      event.preventDefault();
      if (isTyped) void mayLose().then((lose) => lose && giveUp());
      else giveUp();
    }}>
      <Refused error={error} labelOf={(name) => fields.find((field) => isPart(name, field.id) || (field.sentAs && isPart(name, field.sentAs)))?.label} />
      <div className="form-grid">
        {fields.filter((field) => !field.fixed && (making || !field.once)).map((field, index) => (
          <div key={field.id} className={field.whole || field.kind === 'area' || field.kind === 'list' ? 'whole' : undefined}>
            <Input field={field} value={values[field.id]} said={field.named && values[field.id] === first[field.id] ? first[field.named] : undefined} error={faultOf(wrong, field.id, field.sentAs)} put={(value) => put(field.id, value)} first={index === 0} />
          </div>
        ))}
      </div>
      {children}
      <div className="bar">
        <Button type="submit" look={look} busy={busy} keys="Mod+Enter">{act ?? t.act.save}</Button>
        <Button onClick={giveUp}>{back ?? t.act.cancel}</Button>
      </div>
    </form>
  );
}

const DAY = /^\d{4}-\d\d-\d\d/;
const isNumber = (field: FieldSpec) => field.kind === 'number' || field.kind === 'money';

/** A moment of which only the day was given. */
const isDayAlone = (field: FieldSpec, value: unknown) => field.kind === 'time' && DAY.test(String(value)) && !String(value).split('T')[1];

/** True when nobody would see a difference. */
const isSame = (one: unknown, other: unknown) => one === other || JSON.stringify(one ?? '') === JSON.stringify(other ?? '') || (typeof one !== 'object' && String(one ?? '') === String(other ?? ''));

/** A value as it is sent; undefined for what cannot be read. What is typed stays a text until here. */
export function settled(field: FieldSpec, value: unknown): unknown {
  if (value === '' || value === null || value === undefined) return null;
  if (isNumber(field)) {
    const plain = readNumber(value);
    return field.kind === 'number' && plain ? Number(plain) : plain;
  }
  if (field.kind === 'date') return DAY.test(String(value)) ? value : undefined;
  if (field.kind === 'time') {
    const [day = '', clock = ''] = String(value).split('T');
    const plain = /[-+Z]/.test(clock) ? clock : readClock(clock);
    return DAY.test(day) && plain ? `${day}T${plain}` : undefined;
  }
  return value;
}

/** One property being edited. */
export function Input({ field, value, said, error, put, first }: { field: FieldSpec; value: unknown; said?: unknown; error?: string | undefined; put(value: unknown): void; first?: boolean }) {
  const t = words('core').list;
  const choices = useChoices(field.options ? undefined : field.list);
  const offered = useId();
  const common = { label: field.label, error, hint: field.hint, required: field.required, name: field.id, autoFocus: first };
  const text = value === null || value === undefined ? '' : String(value);
  switch (field.kind) {
    case 'area':
      return <TextArea {...common} value={text} onChange={(event) => put(event.target.value)} />;
    case 'yes':
      return <Check label={field.label} name={field.id} checked={value === true} onChange={(event) => put(event.target.checked)} />;
    case 'date':
      return <DateField label={field.label} error={error} required={field.required} value={text || null} onChange={put} />;
    case 'choice': {
      const options = field.options ?? choices.filter((one) => one.isActive || one.name === value).map((one) => ({ value: field.ids ? one.id : one.name, label: one.label }));
      const isOffered = text === '' || options.some((option) => String(option.value) === text);
      return (
        <SelectField {...common} value={text} onChange={(event) => {
          const found = options.find((option) => String(option.value) === event.target.value);
          put(found ? found.value : event.target.value === text ? value : null);
        }}>
          {(!field.required || text === '') && <option value="">{t.unset}</option>}
          {!isOffered && <option value={text}>{String(said || value)}</option>}
          {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
        </SelectField>
      );
    }
    case 'people':
      return <PeopleField label={field.label} error={error} value={(value as string[] | null) ?? []} onChange={put} />;
    case 'list':
    case 'names':
      return <ListField label={field.label} error={error} value={(value as string[] | null) ?? []} onChange={put} offered={choices.map((one) => one.name)} />;
    case 'pick':
      return field.picker ? <PickField label={field.label} error={error} required={field.required} picker={field.picker} value={value} said={said} onChange={put} /> : null;
    case 'number':
    case 'money':
      return <TextField {...common} inputMode="decimal" value={text} onChange={(event) => put(event.target.value)} onBlur={(event) => {
        const plain = settled(field, event.target.value);
        if (plain !== undefined) put(plain);
      }} />;
    case 'time':
      return <TimeField field={field} error={error} value={text} put={put} />;
    default:
      return (
        <>
          <TextField {...common} type={field.kind === 'email' ? 'email' : field.kind === 'phone' ? 'tel' : 'text'} list={field.list ? offered : undefined} value={text} onChange={(event) => put(event.target.value)} />
          {field.list && <datalist id={offered}>{choices.map((one) => <option key={one.id} value={one.name} />)}</datalist>}
        </>
      );
  }
}

/** A day and a time of 24 hours. The value is `YYYY-MM-DDTHH:MM`, or what is there of it. */
function TimeField({ field, error, value, put }: { field: FieldSpec; error?: string | undefined; value: string; put(value: unknown): void }) {
  const [day = '', clock = ''] = value.split('T');
  // Where the day is right, it is the time that is missing or cannot be read.
  const isAtClock = DAY.test(day) && !/[-+Z]/.test(clock) && !readClock(clock);
  const join = (nextDay: string, nextClock: string) => put(nextDay || nextClock ? `${nextDay}T${nextClock}` : null);
  return (
    <div className="day-and-time" role="group" aria-label={field.label}>
      <DateField label={field.label} error={isAtClock ? undefined : error} required={field.required} value={day || null} onChange={(next) => join(next ?? '', clock)} />
      <ClockField label={words('core').date.clock} error={isAtClock ? error : undefined} value={clock.replace(/^(\d\d:\d\d):.*/, '$1')} onChange={(next) => join(day, next)} name={field.id} required={field.required} />
    </div>
  );
}

/** A time of day, `18:30`, typed as one likes: it is put in order when the field is left. */
export function ClockField({ value, onChange, ...rest }: { label: string; name?: string; error?: string | undefined; required?: boolean | undefined; autoFocus?: boolean; value: string; onChange(value: string): void }) {
  return (
    <TextField {...rest} inputMode="numeric" placeholder={words('core').date.clockHint} autoComplete="off" maxLength={8} value={value} onChange={(event) => onChange(event.target.value)} onBlur={(event) => {
      const plain = readClock(event.target.value);
      if (plain && plain !== value) onChange(plain);
    }} />
  );
}
