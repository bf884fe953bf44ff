import { call, Refusal, type Fault } from '../../api/client';
import type { components } from '../../api/schema';
import type { Values } from '../../screen/Form';

export type Product = components['schemas']['Product'];
type Price = Product['prices'][number];

/** The tier that the server gives prices to where none is named. */
const USUAL = 'Normal Price';
const PRICE = 'price ';

/** The names of the fields of a tier's price. */
export const priceField = (tier: string) => `${PRICE}${tier}`;
export const tiersOf = (names: readonly string[]): readonly string[] => (names.length ? names : [USUAL]);

/** The price of a tier that always holds, or its first one. */
const usual = (prices: readonly Price[], tier: string) => prices.find((one) => one.priceTierName === tier && !one.startsAt && !one.endsAt) ?? prices.find((one) => one.priceTierName === tier);

/** A product with the price of each tier as a property of its own. */
export const withPrices = (read: Product): Values => ({
  ...read,
  ...Object.fromEntries(read.prices.map((one) => [priceField(one.priceTierName), usual(read.prices, one.priceTierName)?.regularPrice ?? null])),
});

/** The whole list of prices after a change: what the form does not have stays as it is. */
function pricesOf(old: readonly Price[], changed: Values): Partial<Price>[] {
  let list: Partial<Price>[] = [...old];
  for (const [id, value] of Object.entries(changed).filter(([field]) => field.startsWith(PRICE))) {
    const tier = id.slice(PRICE.length);
    const held = usual(old, tier);
    if (value === null) list = list.filter((one) => one !== held);
    else if (held) list = list.map((one) => (one === held ? { ...one, regularPrice: Number(value) } : one));
    else list.push({ priceTierName: tier, regularPrice: Number(value), useDefaultVat: true });
  }
  return list;
}

interface Ticket {
  state: string;
  errors: { errors: Fault[] }[];
}

/** Saves a product. The server takes it on a ticket, which is asked until it is done; its faults are the form's. */
export async function saveProduct(key: string | null, changed: Values, version: string | null, all: Values): Promise<string> {
  const code = key ?? String(all['productCode'] ?? '').trim();
  const path = `/v2/products/${encodeURIComponent(code)}`;
  if (key === null && code) {
    const isThere = await call(`GET`, path).then(() => true, (error: unknown) => {
      if (error instanceof Refusal && error.status === 404) return false;
      throw error;
    });
    if (isThere) throw Refusal.of('taken', 'productCode');
  }
  const product = Object.fromEntries(Object.entries(changed).filter(([field]) => !field.startsWith(PRICE)));
  const prices = pricesOf((all['prices'] as Price[] | undefined) ?? [], changed);
  const hasPrices = Object.keys(changed).some((field) => field.startsWith(PRICE));
  const body = { ...(key === null ? { useWarranty: false, visibility: true } : {}), ...product, ...(hasPrices ? { prices } : {}), productCode: code, productName: all['productName'] };
  const { ticketId } = await call<{ ticketId: number }>('POST', '/v3/products', { body: { products: [body] }, ...(version ? { match: version } : {}) });
  for (let wait = 100; wait < 10_000; wait *= 1.5) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const ticket = await call<Ticket>('GET', `/tickets/${ticketId}`);
    if (ticket.state !== 'done') continue;
    const faults = ticket.errors.flatMap((one) => one.errors);
    if (faults.length === 0) return code;
    throw new Refusal(400, faults.map((fault) => ({ ...fault, field: named(fault.field, prices) })), null, null);
  }
  throw new Refusal(503, [], null, null);
}

/** A fault of a price is at the field of its tier; that there is none, at the first. */
function named(field: string, prices: readonly Partial<Price>[]): string {
  const [, place] = /^prices\[(\d+)\]/.exec(field) ?? [];
  const tier = place === undefined ? undefined : prices[Number(place)]?.priceTierName;
  return tier === undefined ? field : priceField(tier);
}
