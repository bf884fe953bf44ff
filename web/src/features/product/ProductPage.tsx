import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, call, data, exchange, may } from '../../api/client';
import type { components } from '../../api/schema';
import { words } from '../../i18n';
import { formatMoney, formatNumber, formatTime } from '../../i18n/format';
import { Ask, attempt, Confirm } from '../../screen/Ask';
import type { FieldSpec } from '../../screen/Form';
import { useChoices } from '../../screen/choices';
import { RecordScreen } from '../../screen/Record';
import '../../screen/screen.css';
import { Button, IconButton } from '../../ui/Button';
import { FileButton } from '../../ui/FileButton';
import { toast } from '../../ui/Toast';
import { priceField, saveProduct, tiersOf, withPrices, type Product } from './product';

/** One product with its stock. */
export function ProductPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').product;
  const can = may('product:write');
  const tiers = tiersOf(useChoices('price-tiers').filter((one) => one.isActive).map((one) => one.name));
  const fields: FieldSpec[] = [
    { id: 'productCode', label: t.code, required: true, once: true },
    { id: 'productName', label: t.name, required: true },
    { id: 'productBarcode', label: t.barcode },
    { id: 'category', label: t.group, list: 'product-groups', required: true },
    { id: 'brandName', label: t.brand, list: 'brands' },
    { id: 'productUnitName', label: t.unit, kind: 'choice', list: 'units', required: true, hint: t.unitHint },
    { id: 'cost', label: t.cost, kind: 'money', required: true },
    ...tiers.map((tier, index): FieldSpec => ({ id: priceField(tier), label: `${t.price}: ${tier}`, kind: 'money', required: index === 0, ...(index === 0 ? { sentAs: 'prices' } : {}) })),
    { id: 'lowStockAlert', label: t.low, kind: 'number' },
    { id: 'trackInventory', label: t.tracked, kind: 'yes' },
    { id: 'active', label: t.active, kind: 'yes' },
    { id: 'productTag', label: t.tags, kind: 'list', list: 'product-tags' },
    { id: 'productDescription', label: t.description, kind: 'area' },
  ];
  return (
    <RecordScreen
      key={id}
      kind="product"
      kindName={t.one}
      id={id === 'new' ? null : id}
      listAt="/products"
      fields={fields}
      first={{ active: true, trackInventory: true }}
      titleOf={(values) => String(values['productName'])}
      marks={(values) => (
        <>
          <span className="chip">{String(values['productCode'])}</span>
          {values['active'] === false && <span className="chip warn">{t.inactive}</span>}
        </>
      )}
      read={async (key) => {
        const answer = await exchange<Product>('GET', `/v2/products/${encodeURIComponent(key)}`);
        return { values: withPrices(answer.data), version: answer.version };
      }}
      write={can ? saveProduct : undefined}
      remove={can ? async (key, version) => void (await call('DELETE', `/v3/products/${encodeURIComponent(key)}`, version ? { match: version } : {})) : undefined}
      restore={async (key) => void (await call('POST', `/v3/products/${encodeURIComponent(key)}/restore`, { body: {} }))}
      audit={(values) => `product/${String(values['productCode'])}`}
      below={(values) => <Stock product={values as unknown as Product} />}
    />
  );
}

function Stock({ product }: { product: Product }) {
  const t = words('work').product;
  const code = product.productCode;
  const stock = useQuery({ queryKey: ['product', code, 'stock'], queryFn: () => data(api.GET('/v1/products/{productCode}/stock', { params: { path: { productCode: code } } })), retry: false });
  const moves = useQuery({ queryKey: ['product', code, 'moves'], queryFn: () => data(api.GET('/v1/products/{productCode}/movements', { params: { path: { productCode: code }, query: { take: 20 } } })), retry: false });
  const [adjusting, setAdjusting] = useState(false);
  const [moving, setMoving] = useState(false);
  return (
    <>
      {product.prices.length > 0 && (
        <section className="card" aria-label={t.price}>
          <h2>{t.price}</h2>
          <dl className="pairs">
            {product.prices.map((price) => (
              <div key={price.priceTierName} className="pair">
                <dt>{price.priceTierName}</dt>
                <dd>{formatMoney(price.salePrice ?? price.regularPrice)}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      {stock.data?.trackInventory && (
        <section className="card">
          <div className="bar">
            <h2 className="grow">{t.stock}</h2>
            {may('product:write') && stock.data.warehouses.length > 0 && <Button onClick={() => setMoving(true)}>{t.transfer}</Button>}
            {may('product:write') && <Button onClick={() => setAdjusting(true)}>{t.adjust}</Button>}
          </div>
          <div className="table-wrap" tabIndex={0} role="region" aria-label={t.stock}>
            <table className="table">
              <thead>
                <tr><th scope="col">{t.warehouse}</th><th scope="col" className="number">{t.qty}</th><th scope="col" className="number">{t.reserved}</th><th scope="col" className="number">{t.available}</th></tr>
              </thead>
              <tbody>
                {stock.data.warehouses.map((one) => (
                  <tr key={one.warehouseId}>
                    <td>{one.warehouseName ?? t.own}</td>
                    <td className="number">{formatNumber(one.qty)}</td>
                    <td className="number">{formatNumber(one.reserved)}</td>
                    <td className="number">{formatNumber(one.available)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {(moves.data?.value ?? []).length > 0 && (
        <section className="card" aria-label={t.movements}>
          <h2>{t.movements}</h2>
          <ul className="timeline">
            {(moves.data?.value ?? []).map((one) => (
              <li key={one.movementId}>
                <time>{formatTime(one.date)}</time>
                <span>{[`${one.delta > 0 ? '+' : ''}${formatNumber(one.delta)} → ${formatNumber(one.balance)}`, one.reason, one.note].filter(Boolean).join(' · ')}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Images code={code} />
      {adjusting && <Adjust code={code} close={() => setAdjusting(false)} />}
      {moving && <Transfer code={code} onClose={() => setMoving(false)} />}
    </>
  );
}

/** Moves some of it from one warehouse to another. */
function Transfer({ code, onClose }: { code: string; onClose(): void }) {
  const t = words('work').product;
  const cache = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  return (
    <Ask
      title={t.transferTitle}
      act={t.transfer}
      fields={[
        { id: 'fromWarehouse', label: t.from, kind: 'choice', list: 'warehouses', required: true },
        { id: 'toWarehouse', label: t.to, kind: 'choice', list: 'warehouses', required: true },
        { id: 'qty', label: t.howMany, kind: 'number', required: true, sentAs: 'items' },
        { id: 'note', label: t.note },
      ]}
      first={{ fromWarehouse: null, toWarehouse: null, qty: null }}
      onClose={onClose}
      save={async ({ qty, ...body }) => {
        await call('POST', '/v1/products/stock/transfers', { body: { ...body, items: [{ productCode: code, qty }] }, key });
        await cache.invalidateQueries({ queryKey: ['product'] });
        toast(t.transferred);
      }}
    />
  );
}

type Image = components['schemas']['AttachedFile'];

/** Pictures of a product. */
function Images({ code }: { code: string }) {
  const t = words('work').product;
  const core = words('core').act;
  const cache = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [gone, setGone] = useState<Image | null>(null);
  const can = may('product:write');
  const path = `/v1/products/${encodeURIComponent(code)}/images`;
  const list = useQuery({ queryKey: ['product', code, 'images'], queryFn: () => call<{ value: Image[] }>('GET', path, { query: { take: 100 } }).then((page) => page.value), retry: false });
  const again = () => cache.invalidateQueries({ queryKey: ['product'] });
  async function put(files: File[]) {
    const form = new FormData();
    for (const file of files) form.append('files', file);
    setBusy(true);
    await attempt(call('POST', path, { form, key: crypto.randomUUID() }).then(again), t.imageAdded);
    setBusy(false);
  }
  const images = list.data ?? [];
  if (list.isError || (images.length === 0 && !can)) return null;
  return (
    <section className="card" aria-label={t.images}>
      <div className="bar">
        <h2 className="grow">{t.images}</h2>
        {can && <FileButton label={t.addImage} accept="image/*" multiple busy={busy} choose={(files) => void put(files)} />}
      </div>
      {images.length === 0 ? <p className="muted">{t.noImage}</p> : (
        <ul className="pictures">
          {images.map((one) => (
            <li key={one.fileId} className="row">
              {one.fileUrl ? <a href={one.fileUrl} target="_blank" rel="noreferrer"><img className="picture" src={one.fileUrl} alt={one.fileName} loading="lazy" /></a> : <span className="muted">{one.reason ?? one.fileName}</span>}
              {can && <IconButton icon="close" label={`${core.remove}: ${one.fileName}`} onClick={() => setGone(one)} />}
            </li>
          ))}
        </ul>
      )}
      {gone && <Confirm title={words('record').sure(gone.fileName)} act={core.remove} run={() => call('DELETE', `${path}/${gone.fileId}`).then(again)} onClose={() => setGone(null)} />}
    </section>
  );
}

function Adjust({ code, close }: { code: string; close(): void }) {
  const t = words('work').product;
  const cache = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  return (
    <Ask
      title={t.adjustTitle}
      act={t.adjust}
      fields={[
        { id: 'qty', label: t.adjustBy, kind: 'number', required: true, sentAs: 'items' },
        { id: 'note', label: t.note },
      ]}
      first={{ qty: null, note: null }}
      onClose={close}
      save={async ({ qty, note }) => {
        await call('POST', '/v1/products/stock/adjustments', { body: { items: [{ productCode: code, qty }], note }, key });
        await cache.invalidateQueries({ queryKey: ['product'] });
        toast(t.adjusted);
      }}
    />
  );
}
