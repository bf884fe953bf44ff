// Records that were changed, by whomever: what is shown of their kind is read anew.
import type { QueryClient } from '@tanstack/react-query';
import { follow } from './stream';

/** Where what is shown of a kind is kept, if that has another name. The entries of all look-up lists are settings. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  account: ['account'], activity: ['activity'], assignment: ['assignment'], case: ['case'], client: ['client'], contract: ['contract'],
  customer: ['customer'], deal: ['deal'], documentLogo: ['document-templates'], documentTemplate: ['document-templates'],
  employee: ['user', 'colleagues'], expense: ['expense'], mail: ['mail'], mail_template: ['mail-templates'], privacy: ['privacy'],
  product: ['product'], quotation: ['quotation'], sales_order: ['salesorder'], serial: ['product'], sso: ['sso'], system: ['system'],
  task: ['task'], tax_document: ['taxdocument', 'salesorder'], user: ['user', 'colleagues'], webhook: ['webhook'],
};

/** The least time between two readings of a kind, in milliseconds: an import changes thousands. */
const WAIT = 2_000;

/** Reads anew what is shown of a kind that was changed, a moment after it, not all browsers at once; a hidden page when it is seen again. */
export function followRecords(cache: QueryClient): () => void {
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  const last = new Map<string, number>();
  const read = (kind: string) => {
    timers.delete(kind);
    last.set(kind, Date.now());
    const refetchType = document.hidden ? 'none' : 'active';
    for (const key of KEYS[kind] ?? ['setting']) void cache.invalidateQueries({ queryKey: [key], refetchType });
    // The history beside a record; the log of the whole company is read from its top on demand.
    void cache.invalidateQueries({ queryKey: ['audit'], refetchType, predicate: ({ queryKey }) => String(queryKey[1]).startsWith(`${kind}/`) });
  };
  const unfollow = follow((tiding) => {
    if (tiding.is !== 'change' || !('at' in tiding.change) || 'ref' in tiding.change || 'roomId' in tiding.change) return;
    const { kind } = tiding.change;
    if (timers.has(kind)) return;
    const wait = Math.max(100 + Math.random() * 400, (last.get(kind) ?? 0) + WAIT - Date.now());
    timers.set(kind, setTimeout(() => read(kind), wait));
  });
  const seen = () => {
    if (!document.hidden) void cache.refetchQueries({ type: 'active', predicate: ({ state }) => state.isInvalidated });
  };
  document.addEventListener('visibilitychange', seen);
  return () => {
    unfollow();
    document.removeEventListener('visibilitychange', seen);
    for (const timer of timers.values()) clearTimeout(timer);
  };
}
