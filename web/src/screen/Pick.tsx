import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { api, data } from '../api/client';
import { words } from '../i18n';
import { Chooser, type Option } from '../ui/Chooser';
import { Button, IconButton } from '../ui/Button';
import { Coded, MaybeLink, useCustomerName, usePeople, usePersonName, type Called } from './names';

/** Where a record of another kind is found. */
export interface Picker {
  title: string;
  /** What the choice means, above the options. */
  text?: string;
  /** This one is not offered. */
  except?: string;
  find(text: string, signal: AbortSignal): Promise<Option[]>;
  /** A hook: what a value that is there already is called. */
  useName?(value: unknown): Called | null;
  /** The page of the record, and the scope that reads it. */
  page?: { at(value: string): string; scope: string };
}

/** Customers by name, code, telephone; the value is the code. */
export const customerPicker = (title: string): Picker => ({
  title,
  find: async (text, signal) => {
    const found = await data(api.POST('/v3/customers/enquiry', { body: { keyword: text || null, take: 20 }, signal }));
    return found.map((one) => ({ id: one.customerCode, label: one.customerName, hint: [one.customerCode, one.customerMobile ?? one.customerPhone].filter(Boolean).join(' · ') }));
  },
  useName: useCustomerName,
  page: { at: (code) => `/customers/${encodeURIComponent(code)}`, scope: 'customer:read' },
});

/** Employees; the value is the staff code. */
export const employeePicker = (title: string): Picker => ({
  title,
  find: async (text, signal) => {
    const found = await data(api.POST('/v1/Employees/Enquiry', { body: { keyWord: text || null, pageLength: 50 }, signal }));
    return found.value.map((one) => ({ id: one.staffCode, label: one.nickname ? `${one.nickname} · ${one.fullname}` : one.fullname, hint: [one.staffCode, one.teamName].filter(Boolean).join(' · ') }));
  },
  useName: usePersonName,
});

/** Products; the value is the code. */
export const productPicker = (title: string): Picker => ({
  title,
  find: async (text, signal) => {
    const found = await data(api.POST('/v1/products/getProduct', { body: { productType: 1031, smartSearch: text || null, take: 20 }, signal }));
    return found.value.map((one) => ({ id: one.productCode, label: one.name, hint: `${one.productCode}${one.price == null ? '' : ` · ${one.price}`}`, more: JSON.stringify({ price: one.price, unit: one.unit, partId: one.partId }) }));
  },
});

const useNothing = () => null;

/** What a value is called: as the answer that holds it says, else as the record is called. */
function useCalled(picker: Picker | undefined, value: unknown, said: unknown): Called | null {
  const useName = picker?.useName ?? useNothing;
  // What the answer says itself is not asked for.
  const found = useName(said ? null : value);
  return said ? { label: String(said), hint: String(value) } : found;
}

/** A record for people: its name, with its code as small text, and the way to its page. */
export function PickedName({ picker, value, said }: { picker?: Picker | undefined; value: unknown; said?: unknown }) {
  const called = useCalled(picker, value, said);
  const isId = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(String(called?.hint ?? ''));
  const name = <Coded name={called?.label} code={isId ? null : called?.hint ?? value} />;
  return picker?.page ? <MaybeLink to={picker.page.at(String(value))} scope={picker.page.scope}>{name}</MaybeLink> : name;
}

/** The same without the way to it, for what is a button itself. */
function PickedText(props: { picker: Picker; value: unknown; said?: unknown }) {
  const { page: _, ...picker } = props.picker;
  return <PickedName {...props} picker={picker} />;
}

/** A field whose value is a record: a button that opens a searched list. */
export function PickField({ label, error, required, picker, value, said, onChange }: { label: string; error?: string | null; required?: boolean; picker: Picker; value: unknown; said?: unknown; onChange(value: unknown): void }) {
  const t = words('core');
  const id = useId();
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState<Option | null>(null);
  const isChosen = chosen !== null && chosen.id === value;
  return (
    <div className={error ? 'field wrong' : 'field'}>
      <label htmlFor={id}>
        {label}
        {required && <span aria-hidden="true" className="star">{' *'}</span>}
      </label>
      <div className="row">
        <Button id={id} className="grow pick" aria-haspopup="dialog" aria-describedby={error ? `${id}-error` : undefined} onClick={() => setOpen(true)}>{value ? <PickedText picker={picker} value={value} said={isChosen ? chosen.label : said} /> : t.act.choose}</Button>
        {value && !required ? <IconButton icon="close" label={t.act.clear} onClick={() => onChange(null)} /> : null}
      </div>
      {error && <p id={`${id}-error`} className="fault">{error}</p>}
      {open && <PickDialog picker={picker} onClose={() => setOpen(false)} onChoose={(option) => { setOpen(false); setChosen(option); onChange(option.id); }} />}
    </div>
  );
}

/** A field whose value is several employees, by staff code. */
export function PeopleField({ label, error, value, onChange }: { label: string; error?: string | null; value: readonly string[]; onChange(value: string[]): void }) {
  const t = words('core').act;
  const id = useId();
  const people = usePeople();
  const [open, setOpen] = useState(false);
  const name = (code: string) => people.get(code.toLowerCase())?.fullname ?? code;
  return (
    <div className={error ? 'field wrong' : 'field'} role="group" aria-labelledby={id}>
      <span id={id} className="label">{label}</span>
      <div className="list-field">
        {value.map((code) => (
          <span key={code} className="chip accent">
            {name(code)}
            <button type="button" aria-label={`${t.remove} ${name(code)}`} onClick={() => onChange(value.filter((other) => other !== code))}>{'×'}</button>
          </span>
        ))}
        <Button look="quiet" icon="plus" aria-haspopup="dialog" onClick={() => setOpen(true)}>{t.add}</Button>
      </div>
      {error && <p className="fault">{error}</p>}
      {open && <PickDialog picker={employeePicker(label)} onClose={() => setOpen(false)} onChoose={(option) => { setOpen(false); if (!value.includes(option.id)) onChange([...value, option.id]); }} />}
    </div>
  );
}

/** The searched list by itself. */
export function PickDialog({ picker, onClose, onChoose }: { picker: Picker; onClose(): void; onChoose(option: Option): void }) {
  const t = words('core');
  const [text, setText] = useState('');
  const found = useQuery({ queryKey: ['pick', picker.title, text], queryFn: ({ signal }) => picker.find(text.trim(), signal), placeholderData: (before) => before, staleTime: 30_000 });
  return <Chooser title={picker.title} placeholder={picker.title} text={picker.text} options={(found.data ?? []).filter((one) => one.id !== picker.except)} found none={found.isFetching ? t.loading : t.list.none} onType={setText} onClose={onClose} onChoose={onChoose} />;
}
