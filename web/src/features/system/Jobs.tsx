import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatNumber } from '../../i18n/format';
import { attempt, Confirm } from '../../screen/Ask';
import { ListScreen } from '../../screen/List';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';

interface Job {
  kind: string;
  key: string;
  tries: number;
  error: string | null;
}

/** The jobs that failed for good: why, and once more. */
export function Jobs() {
  const t = words('admin').job;
  const cache = useQueryClient();
  const [all, setAll] = useState(false);
  const can = may('system:write');
  const again = async (which: { kind?: string; key?: string }) => {
    const { retried } = await call<{ retried: number }>('POST', '/v1/jobs/failed/retry', { body: which });
    await cache.invalidateQueries({ queryKey: ['job'] });
    void cache.invalidateQueries({ queryKey: ['system'] });
    return retried;
  };
  const one = (row: Job) => void attempt(again({ kind: row.kind, key: row.key }), t.runs);
  return (
    <>
      <ListScreen<Job>
        title={t.title}
        icon="warning"
        at="/jobs"
        kind="job"
        keyword={false}
        empty={t.empty}
        filters={[{ id: 'kind', label: t.kind, options: Object.entries(t.kinds).map(([value, label]) => ({ value, label })) }]}
        acts={can && <Button onClick={() => setAll(true)}>{t.all}</Button>}
        idOf={(row) => `${row.kind}-${row.key}`}
        fetch={async (asked, _next, signal) => {
          const page = await call<{ value: Job[]; total: number }>('GET', '/v1/jobs/failed', { query: { kind: asked['kind'] }, signal });
          return { rows: page.value, next: null, total: page.total };
        }}
        rowActs={can ? [{ id: 'retry', label: t.retry, keys: ['r'], run: one }] : []}
        columns={[
          { id: 'kind', label: t.kind, show: (row) => t.kinds[row.kind] ?? row.kind },
          { id: 'error', label: t.error, show: (row) => <span className="fault">{row.error ?? ''}</span> },
          { id: 'key', label: t.key, show: (row) => <code>{row.key}</code>, wide: true },
          { id: 'tries', label: t.tries, show: (row) => formatNumber(row.tries), number: true, wide: true },
          { id: 'act', label: t.retry, show: (row) => (can ? <Button onClick={() => one(row)}>{t.retry}</Button> : '') },
        ]}
      />
      {all && <Confirm title={t.all} text={<p>{t.allText}</p>} act={t.all} look="main" run={() => again({})} onClose={() => setAll(false)} />}
    </>
  );
}
