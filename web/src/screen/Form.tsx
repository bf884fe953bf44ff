import { useState, type FormEvent, type ReactNode } from 'react';
import { faults, say } from '../api/words';
import { words } from '../i18n';
import { formatDay, formatMoney, formatNumber, formatTime } from '../i18n/format';
import { Button } from '../ui/Button';
import { Check, SelectField, TextArea, TextField } from '../ui/Field';
import { DateField } from '../ui/DateField';
import { ListField } from '../ui/ListField';
import { PickField, type Picker } from './Pick';
import { useChoices, type ListName } from './choices';

/** A property of a record: how it is shown and how it is edited. */
export interface FieldSpec {
  id: string;
  label: string;
  kind?: 'text' | 'area' | 'number' | 'money' | 'date' | 'time' | 'choice' | 'list' | 'yes' | 'email' | 'phone' | 'pick' | 'names';
  required?: boolean;
  /** A choice among these. Numbers stay numbers. */
  options?: readonly { value: string | number; label: string }[];
  /** A choice among the names of a look-up list. */
  list?: ListName;
  /** The value is the entry's number, not its name. */
  ids?: boolean;
  picker?: Picker;
  /** Shown, never edited. */
  fixed?: boolean;
  /** Only while a record is made. */
  once?: boolean;
  hint?: string;
  whole?: boolean;
}

/** A record as this form sees it. */
export type Values = Record<string, unknown>;

/** A value for people. */
export function Shown({ field, value }: { field: FieldSpec; value: unknown }): ReactNode {
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
    case 'names':
    case 'list':
      return <span className="row wrap">{(value as string[]).map((one) => <span key={one} className="chip">{one}</span>)}</span>;
    case 'choice':
      return field.options?.find((option) => String(option.value) === String(value))?.label ?? choices.find((one) => one.name === value || String(one.id) === String(value))?.label ?? String(value);
    case 'pick':
      return field.picker?.show?.(value) ?? String(value);
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
          <dd><Shown field={field} value={values[field.id]} /></dd>
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
  children?: ReactNode;
}

/** The form of a record. Only what was changed is sent; what the server faults stands at its field, and what was typed stays. */
export function RecordForm({ fields, first, making, save, cancel, children }: Props) {
  const t = words('core');
  const [values, setValues] = useState<Values>(first);
  const [base, setBase] = useState<Values>(first);
  // When somebody else changed the record meanwhile, what was not touched here follows; what was typed stays.
  if (first !== base) {
    setBase(first);
    setValues((now) => ({ ...first, ...Object.fromEntries(fields.filter((field) => now[field.id] !== base[field.id]).map((field) => [field.id, now[field.id]])) }));
  }
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const wrong = faults(error);
  const put = (id: string, value: unknown) => setValues((now) => ({ ...now, [id]: value }));

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const changed = Object.fromEntries(fields.filter((field) => !field.fixed && (making ? values[field.id] !== undefined : values[field.id] !== first[field.id])).map((field) => [field.id, settled(field, values[field.id])]));
    try {
      await save(changed);
    } catch (reason) {
      setError(reason);
      requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid=true]')?.focus());
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="form" onSubmit={submit} noValidate onKeyDown={(event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void submit(event);
      if (event.key === 'Escape' && !event.defaultPrevented) cancel();
    }}>
      {error != null && <p className="notice bad" role="alert">{say(error)}</p>}
      <div className="form-grid">
        {fields.filter((field) => !field.fixed && (making || !field.once)).map((field, index) => (
          <div key={field.id} className={field.whole || field.kind === 'area' || field.kind === 'list' ? 'whole' : undefined}>
            <Input field={field} value={values[field.id]} error={wrong[field.id]} put={(value) => put(field.id, value)} first={index === 0} />
          </div>
        ))}
      </div>
      {children}
      <div className="bar">
        <Button type="submit" look="main" busy={busy} keys="Mod+Enter">{t.act.save}</Button>
        <Button onClick={cancel}>{t.act.cancel}</Button>
      </div>
    </form>
  );
}

/** A value as it is sent. Who saves by keyboard has not left the field, so that a number may still be the text that was typed. */
function settled(field: FieldSpec, value: unknown): unknown {
  if (value === '') return null;
  if (field.kind !== 'number' || typeof value !== 'string') return value;
  const plain = value.replaceAll(',', '').trim();
  return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : value;
}

/** One property being edited. */
export function Input({ field, value, error, put, first }: { field: FieldSpec; value: unknown; error?: string | undefined; put(value: unknown): void; first?: boolean }) {
  const t = words('core').list;
  const choices = useChoices(field.kind === 'choice' || field.kind === 'list' ? field.list : undefined);
  const common = { label: field.label, error, hint: field.hint, required: field.required, name: field.id, autoFocus: first };
  const text = value === null || value === undefined ? '' : String(value);
  switch (field.kind) {
    case 'area':
      return <TextArea {...common} value={text} onChange={(event) => put(event.target.value)} />;
    case 'yes':
      return <Check label={field.label} name={field.id} checked={value === true} onChange={(event) => put(event.target.checked)} />;
    case 'date':
      return <DateField label={field.label} error={error} required={field.required} value={text ? text.slice(0, 10) : null} onChange={put} />;
    case 'choice': {
      const options = field.options ?? choices.filter((one) => one.isActive || one.name === value).map((one) => ({ value: field.ids ? one.id : one.name, label: one.label }));
      return (
        <SelectField {...common} value={text} onChange={(event) => {
          const found = options.find((option) => String(option.value) === event.target.value);
          put(found ? found.value : null);
        }}>
          {(!field.required || text === '') && <option value="">{t.unset}</option>}
          {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
        </SelectField>
      );
    }
    case 'list':
    case 'names':
      return <ListField label={field.label} error={error} value={(value as string[] | null) ?? []} onChange={put} offered={choices.map((one) => one.name)} />;
    case 'pick':
      return field.picker ? <PickField label={field.label} error={error} required={field.required} picker={field.picker} value={value} onChange={put} /> : null;
    case 'number':
    case 'money':
      return <TextField {...common} inputMode="decimal" value={text} onChange={(event) => put(event.target.value)} onBlur={(event) => {
        const plain = event.target.value.replaceAll(',', '').trim();
        put(plain === '' ? null : field.kind === 'number' && Number.isFinite(Number(plain)) ? Number(plain) : plain);
      }} />;
    case 'time':
      return <TextField {...common} type="datetime-local" value={text.slice(0, 16)} onChange={(event) => put(event.target.value)} />;
    default:
      return <TextField {...common} type={field.kind === 'email' ? 'email' : field.kind === 'phone' ? 'tel' : 'text'} value={text} onChange={(event) => put(event.target.value)} />;
  }
}
