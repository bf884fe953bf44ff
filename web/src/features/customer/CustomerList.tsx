import { api, may, Refusal } from '../../api/client';
import type { components } from '../../api/schema';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { formatBrief } from '../../i18n/format';
import { download } from '../../screen/export';
import { ListScreen, type Asked } from '../../screen/List';
import { useChoices } from '../../screen/choices';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { toast } from '../../ui/Toast';

type Customer = components['schemas']['Customer'];

const body = (asked: Asked) => ({
  keyword: asked['q'] ?? null,
  customerState: asked['state'] ? Number(asked['state']) : null,
  customerStatus: asked['status'] ? Number(asked['status']) : null,
  customerGroupName: asked['group'] ?? null,
  sourceName: asked['source'] ?? null,
  orderBy: asked['sort'] ?? null,
});

/** All customers. */
export function CustomerList() {
  const t = words('customer');
  const groups = useChoices('customer-groups');
  const sources = useChoices('sources');
  const states = Object.entries(t.states).map(([value, label]) => ({ value, label }));
  const statuses = Object.entries(t.statuses).map(([value, label]) => ({ value, label }));
  const names = (list: typeof groups) => list.map((one) => ({ value: one.name, label: one.label }));
  return (
    <ListScreen<Customer>
      title={t.title}
      icon="people"
      at="/customers"
      kind="customer"
      empty={t.empty}
      create={may('customer:write') ? { label: t.create, to: '/customers/new' } : undefined}
      acts={<Button icon="import" onClick={() => { download('POST', '/v3/customers/enquiry', body(Object.fromEntries(new URLSearchParams(location.search))), 'customers.csv').catch((error) => toast(say(error), { bad: true })); }}>{t.export}</Button>}
      filters={[
        { id: 'state', label: t.state, options: states },
        { id: 'status', label: t.status, options: statuses },
        ...(groups.length ? [{ id: 'group', label: t.group, options: names(groups) }] : []),
        ...(sources.length ? [{ id: 'source', label: t.source, options: names(sources) }] : []),
      ]}
      idOf={(row) => row.customerCode}
      linkOf={(row) => `/customers/${encodeURIComponent(row.customerCode)}`}
      fetch={async (asked, next, signal) => {
        const { data: page, error, response } = await api.POST('/v3/customers/enquiry', { body: { ...body(asked), take: 50, ...(next ? { cursor: next } : {}) }, signal });
        if (!page) throw new Refusal(response.status, (error as { errors?: [] } | undefined)?.errors ?? [], null, null);
        return { rows: page.data, next: page.next ?? null, total: page.total, estimate: page.totalIsEstimate };
      }}
      columns={[
        { id: 'name', label: t.name, show: (row) => row.customerName, sort: ['customerName asc', 'customerName desc'] },
        { id: 'code', label: t.code, show: (row) => row.customerCode, wide: true, sort: ['customerCode asc', 'customerCode desc'] },
        { id: 'state', label: t.state, show: (row) => <span className={`chip ${row.customerState === 3 ? 'good' : row.customerState === 2 ? 'info' : ''}`}>{t.states[row.customerState] ?? row.customerState}</span> },
        { id: 'phone', label: t.phone, show: (row) => row.customerMobile ?? row.customerPhone ?? '' },
        { id: 'email', label: t.email, show: (row) => row.customerEmail ?? '', wide: true },
        { id: 'group', label: t.group, show: (row) => row.customerGroupName ?? '', wide: true },
        { id: 'tags', label: t.tags, show: (row) => <span className="row wrap">{row.customerTags.slice(0, 3).map((tag) => <span key={tag} className="chip">{tag}</span>)}</span>, wide: true },
        { id: 'modified', label: t.modified, show: (row) => formatBrief(row.dateModified), wide: true, sort: ['dateModified asc', 'dateModified desc'] },
      ]}
    />
  );
}
