import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { api, call, data, exchange, may } from '../../api/client';
import { say } from '../../api/words';
import { lang, languages, words } from '../../i18n';
import { Pairs, RecordForm, type FieldSpec, type Values } from '../../screen/Form';
import type { ListName } from '../../screen/choices';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { SelectField, TextField } from '../../ui/Field';
import { Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';
import { Replies } from './Replies';

/** The company's own record, and every look-up list. */
export function Settings() {
  const t = words('manage').setting;
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);
  return (
    <div className="page">
      <h1>{t.title}</h1>
      <div className="record">
        <div>
          <Company />
          {may('chat:read') && <Replies />}
        </div>
        <Lists />
      </div>
    </div>
  );
}

function Company() {
  const t = words('manage').setting;
  const cache = useQueryClient();
  const [editing, setEditing] = useState(false);
  const found = useQuery({
    queryKey: ['setting', 'company'],
    queryFn: async () => {
      const answer = await exchange<Values & { setting?: Values }>('GET', '/v1/setting');
      // The properties beyond name and time zone lie in `setting`.
      return { values: { ...answer.data, ...answer.data.setting }, version: answer.version };
    },
  });
  const fields: FieldSpec[] = [
    { id: 'name', label: t.name, required: true },
    { id: 'nameEn', label: t.nameEn },
    { id: 'taxNo', label: t.taxNo },
    { id: 'phone', label: t.phone, kind: 'phone' },
    { id: 'email', label: t.email, kind: 'email' },
    { id: 'address', label: t.address, kind: 'area' },
    { id: 'addressEn', label: t.addressEn, kind: 'area' },
    { id: 'timeZone', label: t.timeZone },
    { id: 'currency', label: t.currency },
    { id: 'language', label: t.language, kind: 'choice', options: [{ value: 'th', label: languages.th }, { value: 'en', label: languages.en }] },
    { id: 'retentionDays', label: t.retention, kind: 'number' },
    { id: 'allowNegativeStock', label: t.negative, kind: 'yes' },
    { id: 'refuseWrongTaxNo', label: t.wrongTax, kind: 'yes' },
  ];
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  return (
    <section className="card" aria-label={t.company}>
      <div className="bar">
        <h2 className="grow">{t.company}</h2>
        {may('setting:write') && !editing && <Button onClick={() => setEditing(true)}>{words('core').act.edit}</Button>}
      </div>
      {editing ? (
        <RecordForm
          fields={fields}
          first={found.data.values}
          making={false}
          cancel={() => setEditing(false)}
          save={async (changed) => {
            await call('PUT', '/v1/setting', { body: changed, ...(found.data.version ? { match: found.data.version } : {}) });
            await cache.invalidateQueries({ queryKey: ['setting'] });
            setEditing(false);
            toast(words('core').saved);
          }}
        />
      ) : (
        <Pairs fields={fields} values={found.data.values} />
      )}
    </section>
  );
}

function Lists() {
  const t = words('manage').setting;
  const cache = useQueryClient();
  const [list, setList] = useState<ListName>('tags');
  const [name, setName] = useState('');
  const [nameEn, setNameEn] = useState('');
  const can = may('setting:write');
  const found = useQuery({ queryKey: ['setting', list], queryFn: () => data(api.GET('/v1/setting/{list}', { params: { path: { list } } })) });
  const again = () => cache.invalidateQueries({ queryKey: ['setting', list] });
  const change = (id: number, body: Record<string, unknown>) => call('PUT', `/v1/setting/${list}/${id}`, { body }).then(again, (error) => toast(say(error), { bad: true }));
  function add(event: FormEvent) {
    event.preventDefault();
    if (!name.trim()) return;
    call('POST', `/v1/setting/${list}`, { body: { name: name.trim(), nameEn: nameEn.trim() || null } }).then(
      () => {
        setName('');
        setNameEn('');
        void again();
      },
      (error) => toast(say(error), { bad: true }),
    );
  }
  return (
    <section className="card" aria-label={t.lists}>
      <h2>{t.lists}</h2>
      <SelectField label={t.list} value={list} onChange={(event) => setList(event.target.value as ListName)}>
        {Object.entries(t.names).map(([id, label]) => (
          <option key={id} value={id}>{label}</option>
        ))}
      </SelectField>
      {found.isPending ? <Loading /> : found.isError ? <Failed error={found.error} /> : (
        <ul className="entries">
          {found.data.value.length === 0 && <li className="muted">{t.noEntry}</li>}
          {found.data.value.map((one) => (
            <li key={one.id} className="bar">
              <span className={one.isActive ? 'grow' : 'grow muted'}>{(lang === 'en' && one.nameEn) || one.name}</span>
              <input type="checkbox" aria-label={`${t.active}: ${one.name}`} checked={one.isActive} disabled={!can} onChange={(event) => void change(one.id, { isActive: event.target.checked })} />
            </li>
          ))}
        </ul>
      )}
      {can && (
        <form className="form" onSubmit={add}>
          <div className="form-grid">
            <TextField label={t.addEntry} value={name} onChange={(event) => setName(event.target.value)} />
            <TextField label={t.nameEn} value={nameEn} onChange={(event) => setNameEn(event.target.value)} />
          </div>
          <div><Button type="submit" icon="plus">{words('core').act.add}</Button></div>
        </form>
      )}
    </section>
  );
}
