import { useQuery } from '@tanstack/react-query';
import { useId, useState, type ReactNode } from 'react';
import { api, data } from '../api/client';
import { words } from '../i18n';
import { Chooser, type Option } from '../ui/Chooser';
import { Button, IconButton } from '../ui/Button';

/** Where a record of another kind is found. */
export interface Picker {
  title: string;
  find(text: string, signal: AbortSignal): Promise<Option[]>;
  show?(value: unknown): ReactNode;
}

/** Customers by name, code, telephone; the value is the code. */
export const customerPicker = (title: string): Picker => ({
  title,
  find: async (text, signal) => {
    const found = await data(api.POST('/v3/customers/enquiry', { body: { keyword: text || null, take: 20 }, signal }));
    return found.map((one) => ({ id: one.customerCode, label: one.customerName, hint: [one.customerCode, one.customerMobile ?? one.customerPhone].filter(Boolean).join(' · ') }));
  },
});

/** Employees; the value is the staff code. */
export const employeePicker = (title: string): Picker => ({
  title,
  find: async (text, signal) => {
    const found = await data(api.POST('/v1/Employees/Enquiry', { body: { keyWord: text || null, pageLength: 50 }, signal }));
    return found.value.map((one) => ({ id: one.staffCode, label: one.nickname ? `${one.nickname} · ${one.fullname}` : one.fullname, hint: [one.staffCode, one.teamName].filter(Boolean).join(' · ') }));
  },
});

/** Products; the value is the code. */
export const productPicker = (title: string): Picker => ({
  title,
  find: async (text, signal) => {
    const found = await data(api.POST('/v1/products/getProduct', { body: { productType: 1031, smartSearch: text || null, take: 20 }, signal }));
    return found.value.map((one) => ({ id: one.productCode, label: one.name, hint: `${one.productCode}${one.price == null ? '' : ` · ${one.price}`}`, more: JSON.stringify({ price: one.price, unit: one.unit, partId: one.partId }) }));
  },
});

/** A field whose value is a record: a button that opens a searched list. */
export function PickField({ label, error, required, picker, value, onChange }: { label: string; error?: string | null; required?: boolean; picker: Picker; value: unknown; onChange(value: unknown): void }) {
  const t = words('core');
  const id = useId();
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState<string | null>(null);
  const text = value ? shown ?? String(value) : t.act.choose;
  return (
    <div className={error ? 'field wrong' : 'field'}>
      <label htmlFor={id}>
        {label}
        {required && <span aria-hidden="true" className="star">{' *'}</span>}
      </label>
      <div className="row">
        <Button id={id} className="grow pick" aria-haspopup="dialog" aria-describedby={error ? `${id}-error` : undefined} onClick={() => setOpen(true)}>{text}</Button>
        {value && !required ? <IconButton icon="close" label={t.act.clear} onClick={() => { setShown(null); onChange(null); }} /> : null}
      </div>
      {error && <p id={`${id}-error`} className="fault">{error}</p>}
      {open && <PickDialog picker={picker} onClose={() => setOpen(false)} onChoose={(option) => { setOpen(false); setShown(option.label); onChange(option.id); }} />}
    </div>
  );
}

/** The searched list by itself. */
export function PickDialog({ picker, onClose, onChoose }: { picker: Picker; onClose(): void; onChoose(option: Option): void }) {
  const t = words('core');
  const [text, setText] = useState('');
  const found = useQuery({ queryKey: ['pick', picker.title, text], queryFn: ({ signal }) => picker.find(text.trim(), signal), placeholderData: (before) => before, staleTime: 30_000 });
  return <Chooser title={picker.title} placeholder={picker.title} options={found.data ?? []} found none={found.isFetching ? t.loading : t.list.none} onType={setText} onClose={onClose} onChoose={onChoose} />;
}
