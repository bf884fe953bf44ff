import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client';
import { words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Icon, type IconName } from '../../ui/Icon';
import { Failed, Loading } from '../../ui/State';

interface Entry {
  kind: string;
  date: string;
  reference: string;
  title: string;
  status: string | null;
  text: string | null;
}
interface Page {
  value: Entry[];
  next: string | null;
}

const icons: Record<string, IconName> = { room: 'inbox', event: 'star', activity: 'activity', case: 'case', task: 'task', deal: 'deal', quotation: 'document', order: 'cart', contract: 'document', mail: 'mail' };
/** The pages of records, by their references. */
const pages: Record<string, string> = { activity: 'activities', case: 'cases', task: 'tasks', quotation: 'quotations', order: 'orders', contract: 'contracts' };
/** The page of an entry. An event has none of its own; a deal's page is known by another number, so its number is looked for. */
const placeOf = (entry: Entry): string | null => {
  if (entry.kind === 'room') return `/inbox?view=open&room=${entry.reference}`;
  if (entry.kind === 'mail') return '/mail';
  if (entry.kind === 'deal') return `/deals?as=list&q=${encodeURIComponent(entry.reference)}`;
  const page = pages[entry.kind];
  return page ? `/${page}/${encodeURIComponent(entry.reference)}` : null;
};

/** What happened with a customer, over every kind of record, the newest first. */
export function Timeline({ code }: { code: string }) {
  const t = words('customer').timeline;
  const [kind, setKind] = useState('');
  const list = useInfiniteQuery({
    queryKey: ['customer', code, 'timeline', kind],
    queryFn: ({ pageParam, signal }) => call<Page>('GET', `/v3/customers/${encodeURIComponent(code)}/timeline`, { query: { kinds: kind, take: 20, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    retry: false,
  });
  const entries = list.data?.pages.flatMap((page) => page.value) ?? [];
  return (
    <section className="card" aria-label={t.title}>
      <div className="bar">
        <h2 className="grow">{t.title}</h2>
        <select className="input filter-choice" aria-label={t.which} value={kind} onChange={(event) => setKind(event.target.value)}>
          <option value="">{t.all}</option>
          {Object.entries(t.kinds).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>
      </div>
      {list.isPending ? <Loading /> : list.isError ? <Failed error={list.error} retry={() => void list.refetch()} /> : entries.length === 0 ? <p className="muted">{t.none}</p> : (
        <ul className="timeline">
          {entries.map((entry) => {
            const place = placeOf(entry);
            const title = entry.title || t.kinds[entry.kind] || entry.kind;
            return (
              <li key={`${entry.kind} ${entry.reference}`}>
                <time>{formatTime(entry.date)}</time>
                <div>
                  <p className="row wrap">
                    <Icon name={icons[entry.kind] ?? 'clock'} size={16} />
                    <span className="unseen">{t.kinds[entry.kind] ?? entry.kind}</span>
                    {place ? <Link to={place as never}>{title}</Link> : <span>{title}</span>}
                    {entry.status && <span className="chip">{t.statuses[entry.status] ?? entry.status}</span>}
                  </p>
                  {entry.text && <p className="muted small">{entry.text}</p>}
                </div>
              </li>
            );
          })}
        </ul>
      )}
      {list.hasNextPage && <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{words('core').act.more}</Button>}
    </section>
  );
}
