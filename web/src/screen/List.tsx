import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useCommands } from '../keys';
import { words } from '../i18n';
import { formatNumber } from '../i18n/format';
import { Button } from '../ui/Button';
import type { IconName } from '../ui/Icon';
import { Empty, Failed, Loading } from '../ui/State';
import { toast } from '../ui/Toast';
import { between } from './bulk';
import { BulkBar, MOST, type BulkAct } from './Bulk';

/** A page of a list. `next` is what `fetch` is called with for the following one. */
export interface Rows<T> {
  rows: readonly T[];
  next: string | null;
  total?: number | null;
  estimate?: boolean;
}

/** A column. */
export interface Column<T> {
  id: string;
  label: string;
  show(row: T): ReactNode;
  number?: boolean;
  /** Left out on a phone. */
  wide?: boolean;
  /** What the address calls this order: ascending, descending. */
  sort?: [up: string, down: string];
}

/** A filter; its value stands in the address under `id`. */
export interface FilterField {
  id: string;
  label: string;
  options?: readonly { value: string; label: string }[];
}

/** What the address says: filters, `q` the keyword, `sort` the order. */
export type Asked = Record<string, string | undefined>;

interface Props<T> {
  title: string;
  icon: IconName;
  /** Where the list is, without filters: `/customers`. */
  at: string;
  /** The cache knows the list by this; a change of that kind on the stream loads it anew. */
  kind: string;
  columns: readonly Column<T>[];
  filters?: readonly FilterField[];
  keyword?: boolean;
  idOf(row: T): string;
  /** The address of a record. */
  linkOf?(row: T): string;
  fetch(asked: Asked, next: string | null, signal: AbortSignal): Promise<Rows<T>>;
  empty: string;
  create?: { label: string; to?: string; run?: () => void };
  acts?: ReactNode;
  above?: ReactNode;
  /** What can be done with the row that one is at. */
  rowActs?: readonly { id: string; label: string; keys: readonly string[]; run(row: T): void }[];
  /** What can be done with several rows at once: then they can be chosen. */
  bulk?: { acts: readonly BulkAct<T>[]; titleOf(row: T): string };
  /** What stands instead of the table. */
  children?: (rows: readonly T[]) => ReactNode;
}

/** A list of records as a table: filters in the address, gone through by keyboard, pages added as one goes on. */
export function ListScreen<T>(props: Props<T>) {
  const { title, at, kind, columns, filters = [], keyword = true, idOf, linkOf, fetch, empty, create, acts, above, icon } = props;
  const t = words('core');
  const asked = useRouterState({ select: (state) => state.location.search }) as Asked;
  const navigate = useNavigate();
  const ask = (change: Asked) => void navigate({ to: at, search: { ...asked, ...change } as never, replace: true });
  const [typed, setTyped] = useState(asked['q'] ?? '');
  const [current, setCurrent] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = `${title} · Sala`;
  }, [title]);

  const list = useInfiniteQuery({
    queryKey: [kind, 'list', at, asked],
    queryFn: ({ pageParam, signal }) => fetch(asked, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.rows) ?? [], [list.data]);
  const first = list.data?.pages[0];
  const filtered = Object.entries(asked).some(([key, value]) => value && key !== 'sort');

  const bulk = props.bulk?.acts.length ? props.bulk : undefined;
  const [chosenIds, setChosenIds] = useState<ReadonlySet<string>>(new Set());
  const [anchor, setAnchor] = useState<string | null>(null);
  // Only what is on the screen is acted on: a row that is filtered out is not chosen any more.
  const chosen = bulk ? rows.filter((row) => chosenIds.has(idOf(row))) : [];
  const choose = (ids: readonly string[], on: boolean) => {
    const next = new Set(chosen.map(idOf));
    for (const id of ids) {
      if (!on) next.delete(id);
      else if (next.size < MOST) next.add(id);
      else if (!next.has(id)) {
        toast(t.bulk.most(MOST));
        break;
      }
    }
    setChosenIds(next);
  };
  const toggle = (id: string, range: boolean) => {
    const on = !chosenIds.has(id) || range;
    choose(range && anchor ? between(rows.map(idOf), anchor, id) : [id], on);
    setAnchor(id);
  };

  const here = rows.findIndex((row) => idOf(row) === current);
  const step = (by: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, here < 0 ? 0 : here + by))];
    if (!row) return;
    setCurrent(idOf(row));
    document.getElementById(`row-${idOf(row)}`)?.scrollIntoView({ block: 'nearest' });
  };
  const chooseHere = () => {
    const row = rows[Math.max(0, here)];
    if (!row) return;
    setCurrent(idOf(row));
    toggle(idOf(row), false);
  };
  /** Goes a row on, and chooses from where one began to there. */
  const stretch = (by: number) => {
    const from = rows[Math.max(0, here)];
    const to = rows[Math.max(0, Math.min(rows.length - 1, here + by))];
    if (!from || !to) return;
    choose(between(rows.map(idOf), idOf(from), idOf(to)), true);
    step(by);
    setAnchor(idOf(to));
  };
  const open = () => {
    const row = rows[here];
    if (row && linkOf) void navigate({ to: linkOf(row) });
  };
  const make = () => {
    if (create?.to) void navigate({ to: create.to });
    else create?.run?.();
  };
  useCommands([
    { id: `${kind}.next`, label: t.act.next, group: title, keys: ['j', 'ArrowDown'], quiet: true, run: () => step(1) },
    { id: `${kind}.previous`, label: t.act.previous, group: title, keys: ['k', 'ArrowUp'], quiet: true, run: () => step(-1) },
    { id: `${kind}.open`, label: t.act.open, group: title, keys: ['Enter', 'o'], quiet: true, run: open },
    ...(bulk
      ? [
          { id: `${kind}.choose`, label: t.bulk.choose, group: title, keys: props.rowActs?.some((act) => act.keys.includes('Space')) ? ['x'] : ['x', 'Space'], quiet: true, run: chooseHere },
          { id: `${kind}.chooseDown`, label: t.bulk.chooseDown, group: title, keys: ['Shift+j', 'Shift+ArrowDown'], quiet: true, run: () => stretch(1) },
          { id: `${kind}.chooseUp`, label: t.bulk.chooseUp, group: title, keys: ['Shift+k', 'Shift+ArrowUp'], quiet: true, run: () => stretch(-1) },
        ]
      : []),
    { id: `${kind}.filter`, label: t.list.filter, group: title, keys: ['f'], run: () => input.current?.focus() },
    ...(props.rowActs ?? []).map((act) => ({ id: `${kind}.${act.id}`, label: act.label, group: title, keys: act.keys, run: () => { const row = rows[here]; if (row) act.run(row); } })),
    ...(create ? [{ id: `${kind}.create`, label: create.label, group: title, keys: ['c'], run: make }] : []),
  ]);

  const sorted = asked['sort'];
  return (
    <div className="fill">
      <header className="page-top">
        <div className="page-head">
          <h1>{title}</h1>
          {first?.total != null && <span className="muted small">{t.list.total(first.estimate ? t.list.about(formatNumber(first.total)) : formatNumber(first.total))}</span>}
          {acts}
          {create && <Button look="main" icon="plus" keys="c" onClick={make}>{create.label}</Button>}
        </div>
        {(keyword || filters.length > 0) && (
          <form
            className="bar"
            role="search"
            aria-label={title}
            onSubmit={(event) => {
              event.preventDefault();
              ask({ q: typed.trim() || undefined });
            }}
          >
            {keyword && (
              <input
                ref={input}
                type="search"
                className="input filter-words"
                aria-label={t.list.keyword}
                placeholder={t.list.keyword}
                value={typed}
                onChange={(event) => {
                  setTyped(event.target.value);
                  // Emptied, by the cross in it or by hand, it asks for nothing any more.
                  if (event.target.value === '' && asked['q']) ask({ q: undefined });
                }}
                onBlur={() => { if ((asked['q'] ?? '') !== typed.trim()) ask({ q: typed.trim() || undefined }); }}
                onKeyDown={(event) => {
                  if (event.key !== 'Escape') return;
                  setTyped('');
                  ask({ q: undefined });
                  event.currentTarget.blur();
                }}
              />
            )}
            {filters.map((filter) => (
              <select key={filter.id} className="input filter-choice" aria-label={filter.label} value={asked[filter.id] ?? ''} onChange={(event) => ask({ [filter.id]: event.target.value || undefined })}>
                <option value="">{`${filter.label}: ${t.list.all}`}</option>
                {filter.options?.map((option) => (
                  <option key={option.value} value={option.value}>{option.label}</option>
                ))}
              </select>
            ))}
            {filtered && <Button look="quiet" onClick={() => { setTyped(''); void navigate({ to: at, search: {} as never }); }}>{t.act.clearFilters}</Button>}
          </form>
        )}
        {above}
        {bulk && <BulkBar kind={kind} group={title} acts={bulk.acts} chosen={chosen} titleOf={bulk.titleOf} keep={(kept) => setChosenIds(new Set(kept.map(idOf)))} />}
      </header>
      {list.isPending ? (
        <Loading />
      ) : list.isError ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : rows.length === 0 ? (
        <Empty icon={filtered ? 'filter' : icon} title={filtered ? t.list.none : empty}>
          {filtered && <p>{t.list.noneFor}</p>}
          {!filtered && create && <Button look="main" icon="plus" onClick={make}>{create.label}</Button>}
        </Empty>
      ) : props.children ? (
        props.children(rows)
      ) : (
        <div className="table-wrap" tabIndex={0} role="region" aria-label={title}>
          <table className="table">
            <thead>
              <tr>
                {bulk && (
                  <th scope="col" className="choose">
                    <AllBox label={t.bulk.all} all={chosen.length > 0 && chosen.length >= Math.min(rows.length, MOST)} some={chosen.length > 0} put={(on) => (on ? choose(rows.map(idOf), true) : setChosenIds(new Set()))} />
                  </th>
                )}
                {columns.map((column) => {
                  const way = column.sort?.[0] === sorted ? 'ascending' : column.sort?.[1] === sorted ? 'descending' : undefined;
                  return (
                    <th key={column.id} scope="col" className={[column.number ? 'number' : '', column.wide ? 'wide-only' : ''].join(' ')} aria-sort={column.sort ? way ?? 'none' : undefined}>
                      {column.sort ? (
                        <button type="button" onClick={() => ask({ sort: way === 'ascending' ? column.sort?.[1] : column.sort?.[0] })}>
                          {column.label}
                          <span aria-hidden="true">{way === 'ascending' ? ' ↑' : way === 'descending' ? ' ↓' : ''}</span>
                        </button>
                      ) : (
                        column.label
                      )}
                    </th>
                  );
                })}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => {
                const id = idOf(row);
                return (
                  <tr key={id} id={`row-${id}`} data-at={id === current || undefined} data-chosen={chosenIds.has(id) || undefined}>
                    {bulk && (
                      <td className="choose">
                        <label>
                          <input type="checkbox" aria-label={`${t.bulk.choose}: ${bulk.titleOf(row)}`} checked={chosenIds.has(id)} onChange={() => {}} onClick={(event) => { setCurrent(id); toggle(id, event.shiftKey); }} />
                        </label>
                      </td>
                    )}
                    {columns.map((column, index) => (
                      <td key={column.id} className={[column.number ? 'number' : '', column.wide ? 'wide-only' : ''].join(' ')}>
                        {index === 0 && linkOf ? <Link to={linkOf(row)}><strong>{column.show(row)}</strong></Link> : column.show(row)}
                      </td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {list.hasNextPage && (
        <div className="bar more-bar">
          <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t.act.more}</Button>
        </div>
      )}
    </div>
  );
}

/** Chooses all rows, or none; in between it is neither. */
function AllBox({ label, all, some, put }: { label: string; all: boolean; some: boolean; put(on: boolean): void }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current) box.current.indeterminate = some && !all;
  });
  return (
    <label>
      <input ref={box} type="checkbox" aria-label={label} checked={all} onChange={(event) => put(event.target.checked)} />
    </label>
  );
}
