import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { formatNumber, formatTime } from '../../i18n/format';
import { Ask } from '../../screen/Ask';
import type { FieldSpec } from '../../screen/Form';
import { ListScreen } from '../../screen/List';
import { RecordScreen } from '../../screen/Record';
import { read } from '../../screen/resource';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Field';
import { Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';
import { copy } from '../../ui/copy';

interface Webhook {
  webhookId: number;
  url: string;
  description: string | null;
  topics: string[];
  state: 'active' | 'paused' | 'ended';
  stateReason: string | null;
  failingSince: string | null;
}
interface Try {
  date: string;
  status: number | null;
  error: string | null;
  body: string | null;
  milliseconds: number;
}
interface Delivery {
  deliveryId: string;
  topic: string;
  event: string;
  state: 'pending' | 'delivered' | 'failed';
  tries: number;
  dateCreated: string;
  error: string | null;
  request: { url: string; body: unknown };
  answer: Try | null;
  failedTries: Try[];
}

const PATH = '/v1/webhooks';
const bad = (error: unknown) => toast(say(error), { bad: true });

/** Who is told of events. */
export function Webhooks() {
  const t = words('manage').hook;
  return (
    <ListScreen<Webhook>
      title={t.title}
      icon="hook"
      at="/webhooks"
      kind="webhook"
      keyword={false}
      empty={t.empty}
      create={may('webhook:write') ? { label: t.create, to: '/webhooks/new' } : undefined}
      idOf={(row) => String(row.webhookId)}
      linkOf={(row) => `/webhooks/${row.webhookId}`}
      fetch={async () => ({ rows: (await call<{ value: Webhook[] }>('GET', PATH)).value, next: null })}
      columns={[
        { id: 'url', label: t.url, show: (row) => row.description ?? row.url },
        { id: 'state', label: t.state, show: (row) => <><span className={`chip ${row.failingSince ? 'bad' : row.state === 'active' ? 'good' : 'warn'}`}>{t.states[row.state]}</span>{row.failingSince && <p className="fault">{t.failing(formatTime(row.failingSince))}</p>}</> },
        { id: 'topics', label: t.topics, show: (row) => <span className="row wrap">{row.topics.map((one) => <span key={one} className="chip">{one}</span>)}</span>, wide: true },
      ]}
    />
  );
}

/** One webhook: what it hears of, what became of its deliveries, and sending them again. */
export function WebhookPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('manage').hook;
  const navigate = useNavigate();
  const can = may('webhook:write');
  const [secret, setSecret] = useState<string | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const fields: FieldSpec[] = [
    { id: 'url', label: t.url, required: true, whole: true },
    { id: 'description', label: t.description },
    { id: 'payload', label: t.payload, kind: 'choice', options: Object.entries(t.payloads).map(([value, label]) => ({ value, label })) },
    { id: 'topics', label: t.topics, kind: 'list' },
    { id: 'parallel', label: t.parallel, kind: 'number' },
    { id: 'ratePerSecond', label: t.rate, kind: 'number' },
  ];
  return (
    <>
      <RecordScreen
        key={id}
        kind="webhook"
        kindName={t.one}
        id={id === 'new' ? null : id}
        listAt="/webhooks"
        fields={fields}
        titleOf={(values) => String(values['description'] ?? values['url'])}
        marks={(values) => (
          <>
            <span className={`chip ${values['state'] === 'active' ? 'good' : 'warn'}`}>{t.states[String(values['state'])]}</span>
            {values['stateReason'] ? <span className="small muted">{String(values['stateReason'])}</span> : null}
          </>
        )}
        acts={(values, again) =>
          can && (
            <>
              <TestButton id={String(values['webhookId'])} />
              <Button onClick={() => { call('PUT', `${PATH}/${id}`, { body: { state: values['state'] === 'active' ? 'paused' : 'active' } }).then(again, bad); }}>{values['state'] === 'active' ? t.pause : t.resume}</Button>
              <RotateButton id={id} done={setSecret} />
            </>
          )
        }
        read={(key) => read({ path: PATH, key: 'webhookId' }, key)}
        write={
          can
            ? async (key, changed, version) => {
                if (key !== null) {
                  await call('PUT', `${PATH}/${key}`, { body: changed, ...(version ? { match: version } : {}) });
                  return key;
                }
                const made = await call<{ webhookId: number; secret: string }>('POST', PATH, { body: changed, key: crypto.randomUUID() });
                setSecret(made.secret);
                setNext(String(made.webhookId));
                return 'new';
              }
            : undefined
        }
        remove={can ? async (key) => void (await call('DELETE', `${PATH}/${key}`)) : undefined}
        below={(values) => <Deliveries id={String(values['webhookId'])} can={can} />}
      />
      {secret && (
        <Dialog
          title={t.secret}
          onClose={() => {
            setSecret(null);
            if (next) void navigate({ to: '/webhooks/$id', params: { id: next }, replace: true });
            setNext(null);
          }}
        >
          <div className="dialog-content">
            <p>{t.secretText}</p>
            <TextField label={t.secret} readOnly autoFocus value={secret} onFocus={(event) => event.target.select()} />
            <div className="dialog-foot">
              <Button look="main" onClick={() => void copy(secret)}>{words('core').act.copy}</Button>
            </div>
          </div>
        </Dialog>
      )}
    </>
  );
}

function TestButton({ id }: { id: string }) {
  const t = words('manage').hook;
  const [busy, setBusy] = useState(false);
  return (
    <Button
      busy={busy}
      onClick={() => {
        setBusy(true);
        call<{ delivered: boolean; status: number | null; error: string | null; milliseconds: number }>('POST', `${PATH}/${id}/test`, { body: {} })
          .then((done) => (done.delivered ? toast(t.tested(String(done.status), formatNumber(done.milliseconds))) : toast(t.notTested(done.error ?? String(done.status)), { bad: true })), bad)
          .finally(() => setBusy(false));
      }}
    >
      {t.test}
    </Button>
  );
}

function RotateButton({ id, done }: { id: string; done(secret: string): void }) {
  const t = words('manage').hook;
  const core = words('core').act;
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t.rotate}</Button>
      {open && (
        <Dialog title={t.rotate} onClose={() => setOpen(false)}>
          <div className="dialog-content">
            <p>{t.rotateSure}</p>
            <div className="dialog-foot">
              <Button onClick={() => setOpen(false)}>{core.back}</Button>
              <Button look="main" autoFocus onClick={() => { setOpen(false); call<{ secret: string }>('POST', `${PATH}/${id}/rotate-secret`, { body: {} }).then((made) => done(made.secret), bad); }}>{core.confirm}</Button>
            </div>
          </div>
        </Dialog>
      )}
    </>
  );
}

function Deliveries({ id, can }: { id: string; can: boolean }) {
  const t = words('manage').hook;
  const core = words('core');
  const cache = useQueryClient();
  const [state, setState] = useState('');
  const [from, setFrom] = useState<string | null>(null);
  const list = useQuery({ queryKey: ['webhook', id, 'deliveries', state], queryFn: () => call<{ value: Delivery[]; next: string | null }>('GET', `${PATH}/${id}/deliveries`, { query: { state, take: 50 } }) });
  const again = () => void cache.invalidateQueries({ queryKey: ['webhook', id] });
  return (
    <section className="card" aria-label={t.deliveries}>
      <div className="bar">
        <h2 className="grow">{t.deliveries}</h2>
        <select className="input filter-choice" aria-label={t.which} value={state} onChange={(event) => setState(event.target.value)}>
          <option value="">{core.list.all}</option>
          {Object.entries(t.delivered).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>
        {can && <Button onClick={() => setFrom('')}>{t.missed}</Button>}
      </div>
      {list.isPending ? <Loading /> : list.isError ? <Failed error={list.error} retry={() => void list.refetch()} /> : list.data.value.length === 0 ? (
        <p className="muted">{t.noDelivery}</p>
      ) : (
        <ul className="timeline">
          {list.data.value.map((one) => (
            <li key={one.deliveryId}>
              <time>{formatTime(one.dateCreated)}</time>
              <details>
                <summary>
                  <strong>{`${one.topic}.${one.event}`}</strong>{' '}
                  <span className={`chip ${one.state === 'delivered' ? 'good' : one.state === 'failed' ? 'bad' : 'info'}`}>{t.delivered[one.state]}</span>{' '}
                  <span className="small muted">{[t.tries(one.tries), one.answer?.status, one.error].filter(Boolean).join(' · ')}</span>
                </summary>
                <p className="small muted">{t.request}</p>
                <pre className="code" tabIndex={0} aria-label={t.request}>{JSON.stringify(one.request.body, null, 2)}</pre>
                {[...one.failedTries, ...(one.answer ? [one.answer] : [])].map((attempt, index) => (
                  <p key={index} className="small">{`${formatTime(attempt.date)} · ${attempt.status ?? attempt.error ?? ''} · ${formatNumber(attempt.milliseconds)} ms${attempt.body ? ` · ${attempt.body}` : ''}`}</p>
                ))}
                {can && one.state !== 'pending' && <Button onClick={() => { call('POST', `${PATH}/deliveries/${encodeURIComponent(one.deliveryId)}/replay`, { body: {} }).then(() => { toast(t.sentAgain); again(); }, bad); }}>{t.again}</Button>}
              </details>
            </li>
          ))}
        </ul>
      )}
      {from !== null && (
        <Ask
          title={t.missed}
          act={t.missed}
          fields={[{ id: 'from', label: t.missedFrom, kind: 'time', required: true }]}
          first={{ from }}
          onClose={() => setFrom(null)}
          save={async (body) => {
            const done = await call<{ count: number }>('POST', `${PATH}/${id}/replay`, { body });
            toast(t.missedDone(formatNumber(done.count)));
            again();
          }}
        />
      )}
    </section>
  );
}
