import { words } from '../../i18n';
import { call } from '../../api/client';
import type { components } from '../../api/schema';
import { formatTime } from '../../i18n/format';
import { ListScreen } from '../../screen/List';
import { Difference } from '../../screen/Record';
import '../../screen/screen.css';

type Entry = components['schemas']['AuditEntry'] & { ref?: string; actorName?: string | null };

/** Who changed what, from what to what. */
export function Audit() {
  const t = words('manage').audit;
  return (
    <ListScreen<Entry>
      title={t.title}
      icon="audit"
      at="/audit"
      kind="audit"
      empty={t.ref}
      idOf={(row) => row.id}
      fetch={async (asked, next) => {
        // Without a record it is the trail of the whole company.
        const page = await call<{ value: Entry[]; next: string | null }>('GET', '/v1/audit', { query: { ref: asked['q'], before: next, take: 50 } });
        return { rows: page.value, next: page.next };
      }}
      columns={[
        { id: 'when', label: t.when, show: (row) => formatTime(row.date) },
        { id: 'who', label: t.who, show: (row) => row.actorName ?? row.actor },
        { id: 'what', label: t.what, show: (row) => `${words('record').actions[row.action] ?? row.action}${row.ref ? ` ${row.ref}` : ''}` },
        { id: 'changes', label: t.changes, show: (row) => <>{Object.entries(row.changes as Record<string, unknown>).slice(0, 8).map(([field, change]) => <p key={field} className="change"><span>{`${words('record').fields[field] ?? field}:`}</span><Difference change={change} /></p>)}</>, wide: true },
      ]}
    />
  );
}
