import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useRef, useState, type SyntheticEvent } from 'react';
import { call, may, Refusal } from '../../api/client';
import { faults } from '../../api/words';
import { words } from '../../i18n';
import { formatDay } from '../../i18n/format';
import { attempt, Confirm, Copied } from '../../screen/Ask';
import { ListScreen } from '../../screen/List';
import { History } from '../../screen/Record';
import '../../screen/screen.css';
import { Refused } from '../../screen/Refused';
import { Button, IconButton } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Check, TextField } from '../../ui/Field';
import { Failed, Loading } from '../../ui/State';
import { onSubmitKey, useFaultFocus } from '../../ui/focus';
import { toast } from '../../ui/Toast';
import { useUnsaved } from '../../unsaved';
import './client.css';

const CLIENTS = '/v1/clients';
const pathOf = (id: string) => `${CLIENTS}/${encodeURIComponent(id)}`;

interface Client {
  id: string;
  name: string;
  scopes: string[];
  isActive: boolean;
  createdAt: number;
  revokedAt: number | null;
}
interface Secret extends Client {
  clientSecret: string;
  subscriptionKey: string;
}

const all = (signal?: AbortSignal) => call<{ value: Client[]; scopes: string[] }>('GET', CLIENTS, { signal });

/** The programs that may call this server. */
export function Clients() {
  const t = words('admin').client;
  return (
    <ListScreen<Client>
      title={t.title}
      icon="key"
      at="/clients"
      kind="client"
      keyword={false}
      empty={t.empty}
      create={may('client:write') ? { label: t.create, to: '/clients/new' } : undefined}
      idOf={(row) => row.id}
      linkOf={(row) => `/clients/${encodeURIComponent(row.id)}`}
      filters={[{ id: 'state', label: t.state, options: [{ value: 'on', label: t.on }, { value: 'off', label: t.off }] }]}
      fetch={async (asked, _next, signal) => {
        const rows = (await all(signal)).value.filter((row) => !asked['state'] || row.isActive === (asked['state'] === 'on'));
        return { rows, next: null, total: rows.length };
      }}
      columns={[
        { id: 'name', label: t.name, show: (row) => row.name },
        { id: 'id', label: t.id, show: (row) => <code>{row.id}</code>, wide: true },
        { id: 'scopes', label: t.scopes, show: (row) => t.count(row.scopes.length), wide: true },
        { id: 'state', label: t.state, show: (row) => <span className={`chip ${row.isActive ? 'good' : 'bad'}`}>{row.isActive ? t.on : t.off}</span> },
        { id: 'created', label: t.created, show: (row) => formatDay(row.createdAt), wide: true },
      ]}
    />
  );
}

/** One client, or a new one. */
export function ClientPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const found = useQuery({ queryKey: ['client', 'all'], queryFn: ({ signal }) => all(signal) });
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const one = found.data.value.find((row) => row.id === id) ?? null;
  if (!one && id !== 'new') return <Failed error={new Refusal(404, [{ code: 'not_found', field: '', message: '' }], null, null)} retry={() => void found.refetch()} />;
  return <Editor key={id} client={one} offered={found.data.scopes} />;
}

function Editor({ client, offered }: { client: Client | null; offered: string[] }) {
  const t = words('admin').client;
  const core = words('core').act;
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [name, setName] = useState(client?.name ?? '');
  const [scopes, setScopes] = useState<readonly string[]>(client?.scopes ?? []);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [secret, setSecret] = useState<Secret | null>(null);
  const [asking, setAsking] = useState(false);
  const typed = JSON.stringify([name, scopes]);
  const [kept, setKept] = useState(typed);
  useUnsaved(!busy && typed !== kept);
  const can = may('client:write');
  const form = useRef<HTMLFormElement>(null);
  useFaultFocus(form, error);
  const wrong = faults(error);
  const title = client?.name ?? t.create;
  useEffect(() => {
    document.title = `${title} · Sala`;
  }, [title]);
  // What the client has stays in sight, also where this person could not give it.
  const known = [...new Set([...offered, ...(client?.scopes ?? [])])].sort();
  const areas = [...new Set(known.map((scope) => scope.split(':')[0] ?? ''))];
  const again = () => cache.invalidateQueries({ queryKey: ['client'] });
  const back = () => void navigate({ to: '/clients' as never });

  async function save(event: SyntheticEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      if (client) {
        await call('PATCH', pathOf(client.id), { body: { name, scopes } });
        toast(words('core').saved);
      } else setSecret(await call<Secret>('POST', CLIENTS, { body: { name, scopes } }));
      setKept(typed);
      // Without an idempotency key: the answer, which is kept with one, holds the secret.
      await again();
      void cache.invalidateQueries({ queryKey: ['audit'] });
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  }
  const turn = (isActive: boolean) =>
    void attempt(call('PATCH', pathOf(client?.id ?? ''), { body: { isActive } }).then(again), isActive ? t.turnedOn : t.turnedOff, () => turn(!isActive));

  return (
    <div className="page">
      <header className="page-head">
        <IconButton icon="back" label={core.back} onClick={back} />
        <div className="record-title">
          <h1 className="line">{title}</h1>
          {client && <span className={`chip ${client.isActive ? 'good' : 'bad'}`}>{client.isActive ? t.on : t.off}</span>}
        </div>
        {client && can && client.isActive && <Button icon="key" onClick={() => setAsking(true)}>{t.renew}</Button>}
        {client && can && <Button look={client.isActive ? 'danger' : 'plain'} onClick={() => turn(!client.isActive)}>{client.isActive ? t.disable : t.enable}</Button>}
      </header>
      <div className="record">
        <form ref={form} className="form" onSubmit={(event) => void save(event)} noValidate onKeyDownCapture={onSubmitKey((event) => void save(event))}>
          <section className="card" aria-label={words('record').details}>
            <Refused error={error} />
            <TextField label={t.name} name="name" required autoFocus={!client} disabled={!can} value={name} error={wrong['name']} onChange={(event) => setName(event.target.value)} />
            {client && <p><span className="muted small">{t.id}</span>{' '}<code>{client.id}</code></p>}
          </section>
          <fieldset className="card" disabled={!can}>
            <legend className="small muted">{t.scopes}</legend>
            <div className="bar">
              <h2 className="grow">{t.may}</h2>
              {can && <Button onClick={() => setScopes(offered.filter((scope) => scope.endsWith(':read')))}>{t.onlyRead}</Button>}
              {can && <Button onClick={() => setScopes(offered)}>{t.everything}</Button>}
            </div>
            {wrong['scopes'] && <p className="fault">{wrong['scopes']}</p>}
            <div className="scopes">
              {areas.map((area) => (
                <div key={area} role="group" aria-label={t.areas[area] ?? area} className="scope-area">
                  <strong>{t.areas[area] ?? area}</strong>
                  {known.filter((scope) => scope.startsWith(`${area}:`)).map((scope) => (
                    <Check
                      key={scope}
                      label={t.acts[scope.split(':')[1] ?? ''] ?? scope}
                      name={scope}
                      checked={scopes.includes(scope)}
                      disabled={!offered.includes(scope)}
                      onChange={(event) => setScopes((now) => (event.target.checked ? [...now, scope] : now.filter((one) => one !== scope)))}
                    />
                  ))}
                </div>
              ))}
            </div>
          </fieldset>
          {can && (
            <div className="bar">
              <Button type="submit" look="main" busy={busy} keys="Mod+Enter">{core.save}</Button>
              <Button onClick={back}>{core.cancel}</Button>
            </div>
          )}
        </form>
        <div>
          {client && <History of={`client/${client.id}`} />}
        </div>
      </div>
      {asking && client && (
        <Confirm
          title={t.renew}
          text={<p>{t.renewSure}</p>}
          act={t.renew}
          onClose={() => setAsking(false)}
          run={async () => {
            setSecret(await call<Secret>('POST', `${pathOf(client.id)}/secret`, { body: {} }));
            void cache.invalidateQueries({ queryKey: ['audit'] });
          }}
        />
      )}
      {secret && (
        <Dialog
          title={t.secretTitle}
          onClose={() => {
            const { id } = secret;
            setSecret(null);
            if (!client) void navigate({ to: `/clients/${encodeURIComponent(id)}` as never, replace: true });
          }}
        >
          <div className="dialog-content">
            <p className="notice warn">{t.secretText}</p>
            <dl className="results">
              {([[t.id, secret.id], [t.secret, secret.clientSecret], [t.subscriptionKey, secret.subscriptionKey]] as const).map(([label, value]) => (
                <div key={label}>
                  <dt className="muted small">{label}</dt>
                  <dd><Copied text={value} /></dd>
                </div>
              ))}
            </dl>
          </div>
        </Dialog>
      )}
    </div>
  );
}
