import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client';
import { words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { actionWords, Changes } from '../../screen/Changes';
import { ListScreen, type Asked } from '../../screen/List';
import { Coded, MaybeLink, PersonName } from '../../screen/names';
import { employeePicker, PickField } from '../../screen/Pick';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { DateField } from '../../ui/DateField';

interface Entry {
  id: string;
  date: string;
  ref: string;
  name?: string | null;
  key?: string | null;
  actor: string;
  actorName?: string | null;
  action: string;
  changes: unknown;
}
interface Page {
  value: Entry[];
  next: string | null;
}

/** The page of a record, by what the trail calls it; `key` is what its operations are called with. */
const PAGES: Record<string, [at: (key: string) => string, scope: string]> = {
  account: [(key) => `/channels/${key}`, 'account:read'],
  activity: [(key) => `/activities/${key}`, 'activity:read'],
  case: [(key) => `/cases/${key}`, 'case:read'],
  client: [(key) => `/clients/${key}`, 'client:read'],
  contract: [(key) => `/contracts/${key}`, 'contract:read'],
  customer: [(key) => `/customers/${key}`, 'customer:read'],
  deal: [(key) => `/deals/${key}`, 'deal:read'],
  expense: [(key) => `/expenses/${key}`, 'expense:read'],
  product: [(key) => `/products/${key}`, 'product:read'],
  quotation: [(key) => `/quotations/${key}`, 'quotation:read'],
  room: [(key) => `/inbox?room=${key}`, 'chat:read'],
  sales_order: [(key) => `/orders/${key}`, 'salesorder:read'],
  task: [(key) => `/tasks/${key}`, 'task:read'],
  webhook: [(key) => `/webhooks/${key}`, 'webhook:read'],
};

/** What was changed: its kind in words, its name, and the way to its page. */
function Subject({ entry }: { entry: Entry }) {
  const t = words('audit');
  const [kind = '', ...rest] = entry.ref.split('/');
  const own = rest.join('/');
  const page = PAGES[kind];
  const isHidden = /^[0-9a-f]{8}-/.test(own);
  // Customers and products that are no more have a number only, by which nothing is opened.
  const key = entry.key ?? (['customer', 'product', 'deal', 'expense'].includes(kind) ? null : own);
  const name = <Coded name={entry.name} code={isHidden ? undefined : entry.key && kind !== 'deal' && kind !== 'expense' ? entry.key : own} />;
  return (
    <>
      <span className="muted">{`${t.kinds[kind] ?? words('manage').setting.names[kind] ?? kind} `}</span>
      {page && key ? <MaybeLink to={page[0](encodeURIComponent(key))} scope={page[1]}>{isHidden && !entry.name ? words('core').act.open : name}</MaybeLink> : name}
    </>
  );
}

const differences = (row: Entry) => <Changes kind={row.ref.split('/')[0] ?? ''} action={row.action} changes={row.changes} />;

/** Who changed what, from what to what: of a kind of record, by a person, between two days. */
export function Audit() {
  const t = words('manage').audit;
  const a = words('audit');
  const kinds = Object.entries(a.kinds).sort(([, one], [, other]) => one.localeCompare(other)).map(([value, label]) => ({ value, label }));
  return (
    <ListScreen<Entry>
      title={t.title}
      icon="audit"
      at="/audit"
      kind="audit"
      keyword={false}
      empty={t.ref}
      idOf={(row) => row.id}
      filters={[{ id: 'kind', label: a.kind, options: kinds }]}
      above={<Filter />}
      fetch={async ({ ref, kind, who, from, to }, next) => {
        const query = { ref, kind, actor: who, dateFrom: from, dateTo: to, take: 50 };
        let page = await call<Page>('GET', '/v1/audit', { query: { ...query, before: next } });
        // Each page looks through a bounded number of entries: a few are asked for before a person has to.
        for (let more = 0; more < 4 && page.value.length === 0 && page.next; more++) page = await call<Page>('GET', '/v1/audit', { query: { ...query, before: page.next } });
        return { rows: page.value, next: page.next };
      }}
      columns={[
        { id: 'when', label: t.when, show: (row) => <span className="small">{formatTime(row.date)}</span> },
        { id: 'who', label: t.who, show: (row) => <PersonName of={row.actor} said={row.actorName ?? null} /> },
        { id: 'what', label: t.what, show: (row) => <><strong>{actionWords(row.action)}</strong> <Subject entry={row} /><div className="narrow-only">{differences(row)}</div></> },
        { id: 'changes', label: t.changes, show: differences, wide: true },
      ]}
    />
  );
}

/** The person and the days. */
function Filter() {
  const a = words('audit');
  const asked = useRouterState({ select: (state) => state.location.search }) as Asked;
  const navigate = useNavigate();
  const [days, setDays] = useState({ from: asked['from'] ?? null, to: asked['to'] ?? null });
  const [was, setWas] = useState(asked);
  if (was !== asked) {
    setWas(asked);
    setDays({ from: asked['from'] ?? null, to: asked['to'] ?? null });
  }
  const ask = (change: Asked) => void navigate({ to: '/audit', search: { ...asked, ...change } as never, replace: true });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask({ from: days.from ?? undefined, to: days.to ?? undefined });
  };
  return (
    <form className="bar audit-filter" aria-label={a.filter} onSubmit={submit}>
      <PickField label={a.person} picker={employeePicker(a.person)} value={asked['who'] ?? null} onChange={(who) => ask({ who: who ? String(who) : undefined })} />
      <DateField label={a.from} value={days.from} onChange={(from) => setDays({ ...days, from })} />
      <DateField label={a.to} value={days.to} onChange={(to) => setDays({ ...days, to })} />
      <Button type="submit" icon="filter">{a.filter}</Button>
    </form>
  );
}
