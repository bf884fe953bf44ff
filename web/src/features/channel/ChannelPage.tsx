import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatNumber, formatTime } from '../../i18n/format';
import { Ask, attempt, Confirm, Copied } from '../../screen/Ask';
import { RecordForm, type FieldSpec, type Values } from '../../screen/Form';
import { RecordScreen } from '../../screen/Record';
import '../../screen/screen.css';
import { Button, IconButton } from '../../ui/Button';
import { Failed } from '../../ui/State';
import { toast } from '../../ui/Toast';
import { ACCOUNTS, pathOf, platforms, stateLook, stepOf, type Account, type Check } from './account';
import './channel.css';
import { Steps } from './Steps';

/** One channel account, or a new one of LINE. */
export function ChannelPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  return id === 'new' ? <Connect /> : <One key={id} id={id} />;
}

function secretFields(): FieldSpec[] {
  const t = words('admin').channel;
  return [
    { id: 'channelSecret', label: t.secret, required: true, hint: t.secretHint },
    { id: 'accessToken', label: t.token, kind: 'area', required: true, hint: t.tokenHint },
  ];
}

/** The first two steps; the server's answer leads to the account's own page, which shows the others. */
function Connect() {
  const t = words('admin').channel;
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  const [first] = useState<Values>({ name: 'LINE', channelSecret: '', accessToken: '' });
  useEffect(() => {
    document.title = `${t.connect} · Sala`;
  }, [t]);
  const back = () => void navigate({ to: '/channels' as never });
  return (
    <div className="page">
      <header className="page-head">
        <IconButton icon="back" label={words('core').act.back} onClick={back} />
        <div className="record-title"><h1>{t.connect}</h1></div>
      </header>
      <Steps
        account={null}
        check={undefined}
        form={
          <RecordForm
            fields={[{ id: 'name', label: t.name, required: true }, ...secretFields()]}
            first={first}
            making
            cancel={back}
            save={async (values) => {
              const made = await call<Account>('POST', ACCOUNTS, { body: { ...values, platform: 'line' }, key });
              await cache.invalidateQueries({ queryKey: ['account'] });
              void navigate({ to: `/channels/${encodeURIComponent(made.id)}` as never, replace: true });
            }}
          />
        }
      />
    </div>
  );
}

function One({ id }: { id: string }) {
  const t = words('admin').channel;
  const can = may('account:write');
  return (
    <RecordScreen
      kind="account"
      kindName={t.one}
      id={id}
      listAt="/channels"
      fields={[
        { id: 'name', label: t.name, required: true },
        { id: 'latePush', label: t.late, kind: 'choice', required: true, options: Object.entries(t.lates).map(([value, label]) => ({ value, label })), hint: t.lateHint },
      ]}
      titleOf={(values) => String(values['name'])}
      marks={(values) => (
        <>
          <span className="chip">{platforms[String(values['platform'])] ?? String(values['platform'])}</span>
          {values['isSandbox'] === true && <span className="chip">{t.sandbox}</span>}
          <span className={`chip ${stateLook(String(values['state']))}`}>{t.states[String(values['state'])]}</span>
        </>
      )}
      read={async (key) => ({ values: await call<Values>('GET', pathOf(key)), version: null })}
      write={can ? async (key, changed) => { await call('PATCH', pathOf(key ?? ''), { body: changed }); return key ?? ''; } : undefined}
      acts={(values, again) => can && <Acts account={values as unknown as Account} again={again} />}
      audit={() => `account/${id}`}
      below={(values) => <Health account={values as unknown as Account} />}
      aside={(values) => <Quota account={values as unknown as Account} />}
    />
  );
}

/** Whether it works: for LINE the four steps, asked anew every few seconds until all are done. */
function Health({ account }: { account: Account }) {
  const t = words('admin').channel;
  const cache = useQueryClient();
  const can = may('account:write');
  const check = useQuery({
    queryKey: ['account', account.id, 'check'],
    queryFn: async () => {
      const found = await call<Check>('POST', `${pathOf(account.id)}/check`, { body: {} });
      if (found.account) cache.setQueryData(['account', account.id], { values: found.account, version: null });
      return found;
    },
    enabled: can && !account.isSandbox,
    refetchInterval: (query) => (stepOf(account, query.state.data) < 5 ? 5000 : false),
    staleTime: 60_000,
  });
  if (account.isSandbox) {
    return (
      <section className="card" aria-label={t.sandbox}>
        <h2>{t.sandbox}</h2>
        <p>{t.sandboxText}</p>
        <p>{t.sandboxPost}</p>
        <Copied text={`${location.origin}/channels/sandbox/${account.id}/U1`} />
      </section>
    );
  }
  return (
    <section aria-label={t.health} className="results">
      {account.stateReason && <p className="notice bad">{account.stateReason}</p>}
      <div className="bar">
        <h2 className="grow">{stepOf(account, check.data) === 5 ? t.works : t.connect}</h2>
        {can && <Button busy={check.isFetching} onClick={() => void check.refetch()}>{t.checkNow}</Button>}
      </div>
      {check.isError ? <Failed error={check.error} retry={() => void check.refetch()} /> : <div aria-live="polite"><Steps account={account} check={check.data} enter={can && !check.data?.isOurs && <Enter account={account} other={check.data?.endpoint ?? null} />} /></div>}
    </section>
  );
}

/** Has the server enter its address with LINE, so that nobody copies it. An address that stands there is only replaced after a question. */
function Enter({ account, other }: { account: Account; other: string | null }) {
  const t = words('admin').channel;
  const cache = useQueryClient();
  const [sure, setSure] = useState(false);
  const [busy, setBusy] = useState(false);
  async function go() {
    const found = await call<Check>('PUT', `${pathOf(account.id)}/webhook`);
    cache.setQueryData(['account', account.id, 'check'], found);
    if (found.webhookTest && !found.webhookTest.success) toast(t.enterFailed([found.webhookTest.reason, found.webhookTest.detail].filter(Boolean).join(': ')), { bad: true });
    else if (found.problem) toast(t.enterRefused(found.problem), { bad: true });
    else toast(t.entered);
  }
  return (
    <>
      <div className="bar">
        <Button id="enter-webhook" look="main" busy={busy} onClick={() => { if (other) setSure(true); else { setBusy(true); void attempt(go()).finally(() => setBusy(false)); } }}>{t.enter}</Button>
      </div>
      {sure && <Confirm title={t.enterSure} text={<p>{t.enterSureText(other ?? '')}</p>} act={t.enter} run={go} onClose={() => setSure(false)} />}
    </>
  );
}

function Quota({ account }: { account: Account }) {
  const t = words('admin').channel;
  if (account.isSandbox) return null;
  const { quotaUsed: used, quotaLimit: limit } = account;
  return (
    <section className="card" aria-label={t.quota}>
      <h2>{t.quota}</h2>
      {used === null ? <p className="muted">{t.quotaUnknown}</p> : limit === null ? <p>{t.used(formatNumber(used))}</p> : (
        <>
          <meter className="meter" min={0} max={Math.max(limit, 1)} high={limit * 0.9} value={Math.min(used, limit)} aria-label={t.quota} />
          <p>{t.usedOf(formatNumber(used), formatNumber(limit))}</p>
          <p className="muted small">{t.left(formatNumber(Math.max(0, limit - used)))}</p>
        </>
      )}
      {account.quotaCheckedAt && <p className="muted small">{t.asked(formatTime(account.quotaCheckedAt))}</p>}
      <p className="muted small">{t.costText}</p>
    </section>
  );
}

function Acts({ account, again }: { account: Account; again(): void }) {
  const t = words('admin').channel;
  const navigate = useNavigate();
  const [open, setOpen] = useState<'renew' | 'remove' | null>(null);
  return (
    <>
      {account.platform === 'line' && <Button icon="key" onClick={() => setOpen('renew')}>{t.renew}</Button>}
      <Button look="danger" onClick={() => setOpen('remove')}>{t.remove}</Button>
      {open === 'renew' && (
        <Ask
          title={t.renew}
          act={t.renew}
          text={<p>{t.renewText}</p>}
          fields={secretFields()}
          first={{ channelSecret: '', accessToken: '' }}
          onClose={() => setOpen(null)}
          save={async (values) => {
            await call('PUT', `${pathOf(account.id)}/credentials`, { body: values });
            toast(t.renewed);
            again();
          }}
        />
      )}
      {open === 'remove' && (
        <Confirm
          title={t.removeSure(account.name)}
          text={<p>{t.removeText}</p>}
          act={t.remove}
          onClose={() => setOpen(null)}
          run={async () => {
            await call('DELETE', pathOf(account.id));
            toast(t.removed);
            void navigate({ to: '/channels' as never });
            again();
          }}
        />
      )}
    </>
  );
}
