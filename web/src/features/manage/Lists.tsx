import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, call, data, may, Refusal } from '../../api/client';
import { say } from '../../api/words';
import { lang, words } from '../../i18n';
import { Ask, attempt } from '../../screen/Ask';
import { useChoices, type ListName } from '../../screen/choices';
import type { FieldSpec, Values } from '../../screen/Form';
import { employeePicker } from '../../screen/Pick';
import { Button, IconButton } from '../../ui/Button';
import { Chooser } from '../../ui/Chooser';
import { SelectField } from '../../ui/Field';
import { Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';

interface Entry {
  id: number;
  name: string;
  nameEn?: string | null;
  detail?: unknown;
  position: number;
  isActive: boolean;
}

const options = (texts: Record<string, string>, number = false) => Object.entries(texts).map(([value, label]) => ({ value: number ? Number(value) : value, label }));

/** What the entries of a list hold beyond a name. */
function useDetail(list: ListName): FieldSpec[] {
  const t = words('manage').setting.detail;
  const boards = useChoices(list === 'stages' ? 'boards' : undefined);
  const groups = useChoices(list === 'product-groups' ? 'product-groups' : undefined);
  const named = (all: typeof boards) => all.map((one) => ({ value: one.id, label: one.label }));
  switch (list) {
    case 'roles':
      return [
        { id: 'detail.scopes', label: t.scopes, kind: 'names', required: true, whole: true, hint: t.scopesHint },
        { id: 'detail.range', label: t.range, kind: 'choice', options: options(t.ranges) },
      ];
    case 'stages':
      return [
        { id: 'detail.boardId', label: t.board, kind: 'choice', required: true, options: named(boards) },
        { id: 'detail.kind', label: t.kind, kind: 'choice', options: options(t.stageKinds) },
        { id: 'detail.probability', label: t.probability, kind: 'number' },
      ];
    case 'expense-limits':
      return [
        { id: 'detail.expenseTypeId', label: t.expenseType, kind: 'choice', required: true, options: options(t.expenseTypes, true) },
        { id: 'detail.upTo', label: t.upTo, kind: 'number' },
        { id: 'detail.approveLevel', label: t.level, kind: 'number' },
      ];
    case 'labels':
      return [{ id: 'detail.color', label: t.color }];
    case 'product-groups':
      return [{ id: 'detail.parentId', label: t.parent, kind: 'choice', options: named(groups) }];
    case 'attributes':
      return [{ id: 'detail.values', label: t.values, kind: 'names', required: true, whole: true }];
    case 'activity-statuses':
      return [{ id: 'detail.state', label: t.state, kind: 'choice', required: true, options: options(t.states) }];
    case 'case-categories':
      return [
        { id: 'detail.responseMinutes', label: t.response, kind: 'number' },
        { id: 'detail.resolutionMinutes', label: t.resolution, kind: 'number' },
        { id: 'detail.warnMinutes', label: t.warn, kind: 'number' },
        { id: 'detail.aroundTheClock', label: t.clock, kind: 'yes' },
        { id: 'detail.assignee', label: t.assignee, kind: 'pick', picker: employeePicker(t.assignee) },
      ];
    case 'vat-rates':
    case 'withholding-rates':
      return [{ id: 'detail.rate', label: t.rate, kind: 'number', required: true }];
    default:
      return [];
  }
}

/** An entry for its form: what it holds beyond its name lies beside it. */
const flat = (entry: Entry): Values => ({ name: entry.name, nameEn: entry.nameEn ?? null, ...Object.fromEntries(Object.entries((entry.detail ?? {}) as Values).map(([key, value]) => [`detail.${key}`, value])) });

/** And back; what this form does not know of stays. */
function body(values: Values, before: unknown, known: readonly FieldSpec[]): Values {
  const detail = { ...(before as Values | null), ...Object.fromEntries(known.map((field) => [field.id.slice(7), values[field.id] === '' ? null : values[field.id] ?? null])) };
  return { name: values['name'], nameEn: values['nameEn'] || null, ...(known.length ? { detail } : {}) };
}

/** Every look-up list: its entries in their order, renamed, moved, taken out of use. */
export function Lists() {
  const t = words('manage').setting;
  const core = words('core');
  const cache = useQueryClient();
  const [list, setList] = useState<ListName>('tags');
  const [open, setOpen] = useState<Entry | 'new' | null>(null);
  const [used, setUsed] = useState<Entry | null>(null);
  const can = may('setting:write');
  const detail = useDetail(list);
  const found = useQuery({ queryKey: ['setting', list], queryFn: () => data(api.GET('/v1/setting/{list}', { params: { path: { list } } })) });
  const entries = (found.data?.value ?? []) as Entry[];
  const again = () => cache.invalidateQueries({ queryKey: ['setting'] });
  const change = (id: number, what: Values) => call('PUT', `/v1/setting/${list}/${id}`, { body: what }).then(again);
  const label = (one: Entry) => (lang === 'en' && one.nameEn) || one.name;
  const turn = (one: Entry, isActive: boolean) =>
    void change(one.id, { isActive }).then(
      () => toast(isActive ? t.turnedOn(label(one)) : t.turnedOff(label(one)), { undo: () => void attempt(change(one.id, { isActive: !isActive })) }),
      (error) => {
        if (error instanceof Refusal && error.code === 'in_use') setUsed(one);
        else toast(say(error), { bad: true });
      },
    );
  const fields: FieldSpec[] = [{ id: 'name', label: t.entry, required: true }, { id: 'nameEn', label: t.nameEn }, ...detail];
  return (
    <section className="card" aria-label={t.lists}>
      <h2>{t.lists}</h2>
      <SelectField label={t.list} value={list} onChange={(event) => setList(event.target.value as ListName)}>
        {Object.entries(t.names).map(([id, name]) => <option key={id} value={id}>{name}</option>)}
      </SelectField>
      {found.isPending ? <Loading /> : found.isError ? <Failed error={found.error} /> : (
        <ul className="entries" tabIndex={0} aria-label={t.names[list] ?? list}>
          {entries.length === 0 && <li className="muted">{t.noEntry}</li>}
          {entries.map((one, index) => (
            <li key={one.id} className="row">
              <span className={one.isActive ? 'grow' : 'grow muted'}>{label(one)}</span>
              {can && <IconButton icon="note" label={`${core.act.edit}: ${label(one)}`} onClick={() => setOpen(one)} />}
              {can && index > 0 && <IconButton icon="down" className="upside" label={`${t.up}: ${label(one)}`} onClick={() => void attempt(change(one.id, { position: entries[index - 1]?.position ?? 0 }).then(() => change(entries[index - 1]?.id ?? 0, { position: one.position })))} />}
              <input type="checkbox" aria-label={`${t.active}: ${label(one)}`} checked={one.isActive} disabled={!can} onChange={(event) => turn(one, event.target.checked)} />
            </li>
          ))}
        </ul>
      )}
      {can && <div><Button icon="plus" onClick={() => setOpen('new')}>{t.addEntry}</Button></div>}
      {open && (
        <Ask
          title={open === 'new' ? t.addEntry : label(open)}
          fields={fields}
          first={open === 'new' ? { name: '' } : flat(open)}
          onClose={() => setOpen(null)}
          save={async (values) => {
            const before = open === 'new' ? null : open.detail;
            const wanted = body({ ...(open === 'new' ? {} : flat(open)), ...values }, before, detail);
            if (open === 'new') await call('POST', `/v1/setting/${list}`, { body: wanted, key: crypto.randomUUID() });
            else await call('PUT', `/v1/setting/${list}/${open.id}`, { body: wanted });
            await again();
            toast(core.saved);
          }}
        />
      )}
      {used && (
        <Chooser
          title={t.reassign(label(used))}
          placeholder={t.reassign(label(used))}
          none={core.list.none}
          options={entries.filter((one) => one.isActive && one.id !== used.id).map((one) => ({ id: String(one.id), label: label(one) }))}
          onClose={() => setUsed(null)}
          onChoose={(option) => {
            setUsed(null);
            void attempt(change(used.id, { isActive: false, reassignTo: Number(option.id) }), t.turnedOff(label(used)));
          }}
        />
      )}
    </section>
  );
}
