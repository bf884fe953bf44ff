import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call, may } from '../../api/client';
import type { components } from '../../api/schema';
import { words } from '../../i18n';
import { Ask, attempt } from '../../screen/Ask';
import type { FieldSpec, Values } from '../../screen/Form';
import { Button, IconButton } from '../../ui/Button';
import { toast } from '../../ui/Toast';

type Customer = components['schemas']['Customer'];

interface Props {
  customer: Customer;
  part: 'contacts' | 'addresses';
  title: string;
  none: string;
  add: string;
  fields: readonly FieldSpec[];
  nameOf(one: Values): string;
  show(one: Values): ReactNode;
}

/** A list that belongs to a customer and is written as a whole: one is added, changed, or taken away and put back. */
function Part({ customer, part, title, none, add, fields, nameOf, show }: Props) {
  const core = words('core').act;
  const cache = useQueryClient();
  const [open, setOpen] = useState<number | 'new' | null>(null);
  const can = may('customer:write');
  const list = ((customer[part] ?? []) as unknown[]) as Values[];
  const save = async (next: Values[]) => {
    await call('POST', '/v3/customers', { body: { customerCode: customer.customerCode, customerName: customer.customerName, customerState: customer.customerState, [part]: next } });
    await cache.invalidateQueries({ queryKey: ['customer'] });
    void cache.invalidateQueries({ queryKey: ['audit'] });
  };
  const drop = (index: number) => void attempt(save(list.filter((_, at) => at !== index)), words('record').removed, () => void attempt(save(list)));
  return (
    <section className="card" aria-label={title}>
      <div className="bar">
        <h2 className="grow">{title}</h2>
        {can && <Button icon="plus" onClick={() => setOpen('new')}>{add}</Button>}
      </div>
      {list.length === 0 ? <p className="muted">{none}</p> : (
        <ul className="results">
          {list.map((one, index) => (
            <li key={index} className="row">
              <div className="grow">{show(one)}</div>
              {can && <IconButton icon="note" label={`${core.edit}: ${nameOf(one)}`} onClick={() => setOpen(index)} />}
              {can && <IconButton icon="close" label={`${core.remove}: ${nameOf(one)}`} onClick={() => drop(index)} />}
            </li>
          ))}
        </ul>
      )}
      {open !== null && (
        <Ask
          title={open === 'new' ? add : nameOf(list[open] ?? {})}
          fields={fields}
          first={open === 'new' ? {} : list[open] ?? {}}
          onClose={() => setOpen(null)}
          save={async (values) => {
            await save(open === 'new' ? [...list, values] : list.map((one, at) => (at === open ? { ...one, ...values } : one)));
            toast(words('core').saved);
          }}
        />
      )}
    </section>
  );
}

/** The contact persons. */
export function Contacts({ customer }: { customer: Customer }) {
  const t = words('customer');
  return (
    <Part
      customer={customer}
      part="contacts"
      title={t.contacts}
      none={t.noContact}
      add={t.addContact}
      nameOf={(one) => String(one['contactName'] ?? '')}
      fields={[
        { id: 'contactName', label: t.name, required: true },
        { id: 'contactPosition', label: t.position },
        { id: 'contactMobile', label: t.mobile, kind: 'phone' },
        { id: 'contactPhone', label: t.phone, kind: 'phone' },
        { id: 'contactEmail', label: t.email, kind: 'email' },
        { id: 'contactBirthdate', label: t.birthdate, kind: 'date' },
        { id: 'contactNote', label: t.note, kind: 'area' },
      ]}
      show={(one) => (
        <>
          <p><strong>{String(one['contactName'] ?? '')}</strong></p>
          <p className="muted small">{[one['contactPosition'], one['contactMobile'] ?? one['contactPhone'], one['contactEmail']].filter(Boolean).join(' · ')}</p>
        </>
      )}
    />
  );
}

/** The addresses: where to send bills, and where to send goods. */
export function Addresses({ customer }: { customer: Customer }) {
  const t = words('customer');
  return (
    <Part
      customer={customer}
      part="addresses"
      title={t.addresses}
      none={t.noAddress}
      add={t.addAddress}
      nameOf={(one) => String(one['locationName'] ?? one['locationAddress'] ?? '')}
      fields={[
        { id: 'locationName', label: t.placeName },
        { id: 'locationType', label: t.placeType, kind: 'choice', options: Object.entries(t.places).map(([value, label]) => ({ value: Number(value), label })) },
        { id: 'locationAddress', label: t.address, kind: 'area', required: true },
      ]}
      show={(one) => (
        <>
          <p className="muted small">{[one['locationName'], t.places[Number(one['locationType'] ?? 0)]].filter(Boolean).join(' · ')}</p>
          <p className="pre">{String(one['locationAddress'] ?? '')}</p>
        </>
      )}
    />
  );
}
