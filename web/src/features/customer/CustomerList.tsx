import { api, call, exchange, may, Refusal } from '../../api/client';
import type { components } from '../../api/schema';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { formatBrief } from '../../i18n/format';
import type { BulkAct } from '../../screen/Bulk';
import { download } from '../../screen/export';
import { ListScreen, type Asked } from '../../screen/List';
import { useChoices } from '../../screen/choices';
import { employeePicker, type Picker } from '../../screen/Pick';
import { fold } from '../../ui/text';
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

const pathOf = (code: string) => `/v3/customers/${encodeURIComponent(code)}`;

/** Changes a customer as it is now, under its version; answers how that is taken back. */
async function change(code: string, to: (now: Customer) => Partial<Customer> | null): Promise<Customer | null> {
  const { data: now, version } = await exchange<Customer>('GET', pathOf(code));
  const changed = to(now);
  if (!changed) return null;
  await call('POST', '/v3/customers', { body: { customerCode: code, customerName: now.customerName, customerState: now.customerState, ...changed }, ...(version ? { match: version } : {}) });
  return now;
}

/** A label out of those that there are, or a new one. */
const tagPicker = (title: string, names: readonly string[]): Picker => ({
  title,
  find: async (text) => {
    const found = names.filter((name) => fold(name).includes(fold(text))).slice(0, 50);
    return [...(text && !names.includes(text) ? [text] : []), ...found].map((name) => ({ id: name, label: name }));
  },
});

/** What can be done with several customers. */
function bulkActs(tags: readonly string[]): BulkAct<Customer>[] {
  const t = words('customer');
  return [
    { id: 'tag', label: t.bulkTag, keys: ['l'], picker: tagPicker(t.bulkTag, tags), sure: t.bulkTagSure, fits: (row, picked) => !row.customerTags.includes(picked?.id ?? ''), run: async (row, picked) => {
      const tag = picked?.id ?? '';
      const before = await change(row.customerCode, (now) => (now.customerTags.includes(tag) ? null : { customerTags: [...now.customerTags, tag] }));
      return before && (() => change(row.customerCode, (now) => ({ customerTags: now.customerTags.filter((one) => one !== tag) })));
    } },
    { id: 'owner', label: t.bulkOwner, keys: ['a'], picker: employeePicker(t.bulkOwner), sure: t.bulkOwnerSure, text: t.bulkOwnerText, fits: (row, picked) => row.owners.length !== 1 || row.owners[0] !== picked?.id, run: async (row, picked) => {
      const before = await change(row.customerCode, () => ({ owners: [picked?.id ?? ''] }));
      return before && (() => change(row.customerCode, () => ({ owners: before.owners })));
    } },
  ];
}

/** All customers. */
export function CustomerList() {
  const t = words('customer');
  const groups = useChoices('customer-groups');
  const sources = useChoices('sources');
  const tags = useChoices('tags').filter((one) => one.isActive).map((one) => one.name);
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
      {...(may('customer:write') ? { bulk: { acts: bulkActs(tags), titleOf: (row: Customer) => row.customerName } } : {})}
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
