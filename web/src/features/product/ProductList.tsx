import { api, data, may } from '../../api/client';
import type { components } from '../../api/schema';
import { words } from '../../i18n';
import { formatMoney, formatNumber } from '../../i18n/format';
import { useChoices } from '../../screen/choices';
import { ListScreen } from '../../screen/List';
import '../../screen/screen.css';

type Item = components['schemas']['ProductFilterItem'];
const PAGE = 50;

/** All products, with price and stock. */
export function ProductList() {
  const t = words('work').product;
  const groups = useChoices('product-groups');
  return (
    <ListScreen<Item>
      title={t.title}
      icon="product"
      at="/products"
      kind="product"
      empty={t.empty}
      create={may('product:write') ? { label: t.create, to: '/products/new' } : undefined}
      filters={[
        { id: 'type', label: t.type, options: Object.entries(t.types).map(([value, label]) => ({ value, label })) },
        { id: 'active', label: t.status, options: [{ value: 'yes', label: t.active }, { value: 'no', label: t.inactive }] },
        ...(groups.length ? [{ id: 'group', label: t.group, options: groups.map((one) => ({ value: one.name, label: one.label })) }] : []),
      ]}
      idOf={(row) => row.productCode}
      linkOf={(row) => `/products/${encodeURIComponent(row.productCode)}`}
      fetch={async (asked, next, signal) => {
        const skip = Number(next ?? 0);
        const page = await data(api.POST('/v1/products/getProduct', {
          body: {
            productType: Number(asked['type'] ?? 1031),
            smartSearch: asked['q'] ?? null,
            status: asked['active'] ? [asked['active'] === 'yes'] : null,
            productFor: asked['group'] ?? null,
            orderBy: asked['sort'] ?? 'productName asc',
            take: PAGE,
            skip,
          },
          signal,
        }));
        return { rows: page.value, next: page.value.length === PAGE ? String(skip + PAGE) : null, total: page.total, estimate: page.totalIsEstimate };
      }}
      columns={[
        { id: 'name', label: t.name, show: (row) => row.name, sort: ['productName asc', 'productName desc'] },
        { id: 'code', label: t.code, show: (row) => row.productCode, wide: true, sort: ['productCode asc', 'productCode desc'] },
        { id: 'group', label: t.group, show: (row) => row.groupName ?? '', wide: true },
        { id: 'price', label: t.price, show: (row) => (row.price == null ? '' : formatMoney(row.price)), number: true },
        { id: 'qty', label: t.qty, show: (row) => (row.isForInventory ? <span className={row.qty <= 0 ? 'chip bad' : ''}>{`${formatNumber(row.qty)} ${row.unit ?? ''}`}</span> : ''), number: true },
        { id: 'active', label: t.status, show: (row) => <span className={`chip ${row.isActive ? 'good' : ''}`}>{row.isActive ? t.active : t.inactive}</span>, wide: true },
      ]}
    />
  );
}
