import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { Pairs, RecordForm, type FieldSpec, type Values } from '../../screen/Form';
import { Button } from '../../ui/Button';
import { useFocusBack } from '../../ui/focus';
import { toast } from '../../ui/Toast';
import { useSetting } from './setting';

/** A group of rules that lies in a property of the company's profile: shown, and changed as a form. Its fields are `property.field`. */
export function Nested({ property, title, text, fields }: { property: string; title: string; text?: string; fields: readonly FieldSpec[] }) {
  const cache = useQueryClient();
  const [editing, setEditing] = useState(false);
  const editButton = useFocusBack(editing);
  const found = useSetting();
  if (!found.data) return null;
  const inner = (found.data.values[property] ?? {}) as Values;
  const values = Object.fromEntries(fields.map((field) => [field.id, inner[field.id.slice(property.length + 1)] ?? null]));
  return (
    <section className="card" aria-label={title}>
      <div className="bar">
        <h2 className="grow">{title}</h2>
        {may('setting:write') && !editing && <Button ref={editButton} aria-label={`${words('core').act.edit}: ${title}`} onClick={() => setEditing(true)}>{words('core').act.edit}</Button>}
      </div>
      {text && <p className="hint">{text}</p>}
      {editing ? (
        <RecordForm
          fields={fields}
          first={values}
          making={false}
          cancel={() => setEditing(false)}
          save={async (changed) => {
            const body = { [property]: Object.fromEntries(Object.entries(changed).map(([id, value]) => [id.slice(property.length + 1), value])) };
            await call('PUT', '/v1/setting', { body, ...(found.data.version ? { match: found.data.version } : {}) });
            await cache.invalidateQueries({ queryKey: ['setting'] });
            setEditing(false);
            toast(words('core').saved);
          }}
        />
      ) : (
        <Pairs fields={fields} values={values} />
      )}
    </section>
  );
}
