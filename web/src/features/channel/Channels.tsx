import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatBrief, formatNumber } from '../../i18n/format';
import { Ask } from '../../screen/Ask';
import { ListScreen } from '../../screen/List';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { ACCOUNTS, platforms, stateLook, type Account } from './account';
import './channel.css';

/** Every channel account: whether it works, and what is left of the month. */
export function Channels() {
  const t = words('admin').channel;
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [trying, setTrying] = useState(false);
  const can = may('account:write');
  return (
    <>
      <ListScreen<Account>
        title={t.title}
        icon="phone"
        at="/channels"
        kind="account"
        keyword={false}
        empty={t.empty}
        create={can ? { label: t.connect, to: '/channels/new' } : undefined}
        acts={can && <Button onClick={() => setTrying(true)}>{t.sandboxNew}</Button>}
        idOf={(row) => row.id}
        linkOf={(row) => `/channels/${encodeURIComponent(row.id)}`}
        fetch={async (_asked, _next, signal) => {
          const page = await call<{ value: Account[]; total: number }>('GET', ACCOUNTS, { signal });
          return { rows: page.value, next: null, total: page.total };
        }}
        columns={[
          { id: 'name', label: t.name, show: (row) => row.name },
          { id: 'platform', label: t.platform, show: (row) => <>{platforms[row.platform] ?? row.platform}{row.isSandbox && <>{' '}<span className="chip">{t.sandbox}</span></>}</>, wide: true },
          { id: 'state', label: t.state, show: (row) => <span className={`chip ${stateLook(row.state)}`}>{t.states[row.state] ?? row.state}</span> },
          { id: 'quota', label: t.quota, show: (row) => <Left row={row} /> },
          { id: 'last', label: t.lastCall, show: (row) => (row.isSandbox ? '' : row.lastCallbackAt ? formatBrief(row.lastCallbackAt) : <span className="chip warn">{t.never}</span>), wide: true },
          { id: 'late', label: t.late, show: (row) => t.lates[row.latePush] ?? row.latePush, wide: true },
        ]}
      />
      {trying && (
        <Ask
          title={t.sandboxNew}
          act={words('core').act.create}
          text={<p>{t.sandboxText}</p>}
          fields={[
            { id: 'name', label: t.name, required: true },
            { id: 'platform', label: t.platform, kind: 'choice', required: true, options: Object.entries(platforms).map(([value, label]) => ({ value, label })) },
          ]}
          first={{ platform: 'line', name: '' }}
          onClose={() => setTrying(false)}
          save={async (values) => {
            const made = await call<Account>('POST', ACCOUNTS, { body: { ...values, isSandbox: true }, key: crypto.randomUUID() });
            await cache.invalidateQueries({ queryKey: ['account'] });
            void navigate({ to: `/channels/${encodeURIComponent(made.id)}` as never });
          }}
        />
      )}
    </>
  );
}

function Left({ row }: { row: Account }) {
  const t = words('admin').channel;
  if (row.quotaUsed === null) return <span className="muted">{words('core').list.unset}</span>;
  if (row.quotaLimit === null) return t.used(formatNumber(row.quotaUsed));
  return t.usedOf(formatNumber(row.quotaUsed), formatNumber(row.quotaLimit));
}
