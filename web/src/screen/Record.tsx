import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { useEffect, useState, type ReactNode } from 'react';
import { api, data, Refusal } from '../api/client';
import { useCommands } from '../keys';
import { words } from '../i18n';
import { formatTime } from '../i18n/format';
import { Button, IconButton } from '../ui/Button';
import { useFocusBack } from '../ui/focus';
import { Failed, Loading } from '../ui/State';
import { toast } from '../ui/Toast';
import { attempt, Confirm } from './Ask';
import { actionWords, Changes, useAuditWords } from './Changes';
import { Pairs, RecordForm, type FieldSpec, type Values } from './Form';
import { actorName, keepName } from './names';

/** A record with the version that it was read in. */
export interface Held {
  values: Values;
  version: string | null;
}

interface Props {
  kind: string;
  /** Its key; null while a new one is made. */
  id: string | null;
  /** The list that it stands in. */
  listAt: string;
  kindName: string;
  fields: readonly FieldSpec[];
  read(id: string): Promise<Held>;
  /** Saves what was changed; answers the record's key. */
  write?(id: string | null, changed: Values, version: string | null, all: Values): Promise<string>;
  remove?(id: string, version: string | null): Promise<void>;
  restore?(id: string): Promise<void>;
  first?: Values;
  titleOf(values: Values): string;
  marks?(values: Values): ReactNode;
  acts?(values: Values, again: () => void): ReactNode;
  aside?(values: Values): ReactNode;
  below?(values: Values): ReactNode;
  /** What the audit log calls it: `customer/C000123`. */
  audit?(values: Values): string;
}

/** The page of one record: read, edited in place under its version, with what happened to it. */
export function RecordScreen(props: Props) {
  const { kind, id, fields, read, write, remove, restore, titleOf, kindName, listAt } = props;
  const t = words('record');
  const core = words('core');
  const cache = useQueryClient();
  const navigate = useNavigate();
  const router = useRouter();
  const [editing, setEditing] = useState(id === null);
  const editButton = useFocusBack(editing);
  const [asking, setAsking] = useState(false);
  const [meanwhile, setMeanwhile] = useState(false);
  const found = useQuery({ queryKey: [kind, id], queryFn: async () => {
      const held = await read(id ?? '');
      keepName(cache, held.values);
      return held;
    },
    // What is being edited is not changed by others below the hands: its save says that somebody was first.
    enabled: id !== null && !(editing && cache.getQueryData([kind, id])),
  });
  const [blank] = useState<Values>(props.first ?? {});
  const values = id === null ? blank : found.data?.values;
  const title = id === null ? t.making(kindName) : values ? titleOf(values) : '';

  useEffect(() => {
    if (title) document.title = `${title} · Sala`;
  }, [title]);

  const again = () => {
    void cache.invalidateQueries({ queryKey: [kind] });
    void cache.invalidateQueries({ queryKey: ['audit'] });
  };
  async function save(changed: Values) {
    if (!write) return;
    try {
      const key = await write(id, changed, found.data?.version ?? null, { ...values, ...changed });
      setEditing(false);
      setMeanwhile(false);
      again();
      toast(id === null ? t.created : t.saved);
      if (key !== id) void navigate({ to: `${listAt}/${encodeURIComponent(key)}`, replace: true }).then(() => document.querySelector<HTMLElement>('main')?.focus());
    } catch (error) {
      if (error instanceof Refusal && error.status === 412) {
        setMeanwhile(true);
        // Both are looked at: the record as it is now, and who changed what of it.
        void cache.invalidateQueries({ queryKey: ['audit'] });
        await found.refetch();
      }
      throw error;
    }
  }
  async function drop() {
    if (!remove || id === null) return;
    await remove(id, found.data?.version ?? null);
    again();
    toast(t.removed, restore ? { undo: () => void attempt(restore(id).then(again), t.restored) } : {});
    void navigate({ to: listAt });
  }
  const back = () => (router.history.canGoBack() ? router.history.back() : void navigate({ to: listAt }));
  useCommands([
    ...(write && id !== null ? [{ id: `${kind}.edit`, label: t.edit, group: kindName, keys: ['i'], run: () => setEditing(true) }] : []),
    { id: `${kind}.back`, label: core.act.back, group: kindName, keys: ['Escape', 'h'], quiet: true, run: back },
  ]);

  if (id !== null && found.isPending) return <Loading />;
  if (id !== null && found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (!values) return <Loading />;
  return (
    <div className="page">
      <header className="page-head">
        <IconButton icon="back" label={core.act.back} onClick={back} />
        <div className="record-title">
          <h1 className="line">{title}</h1>
          {id !== null && props.marks?.(values)}
        </div>
        {id !== null && !editing && props.acts?.(values, again)}
        {id !== null && !editing && write && <Button ref={editButton} icon="note" keys="i" onClick={() => setEditing(true)}>{t.edit}</Button>}
        {id !== null && remove && <Button look="danger" onClick={() => setAsking(true)}>{core.act.remove}</Button>}
      </header>
      {meanwhile && <p className="notice warn" role="alert">{t.changed}</p>}
      <div className="record">
        <div>
          <section className="card" aria-label={t.details}>
            {editing ? (
              <RecordForm
                fields={fields}
                first={values}
                making={id === null}
                save={save}
                cancel={() => {
                  setMeanwhile(false);
                  if (id === null) back();
                  else setEditing(false);
                }}
              />
            ) : (
              <Pairs fields={fields} values={values} />
            )}
          </section>
          {id !== null && props.below?.(values)}
        </div>
        {id !== null && (
          <div>
            {props.aside?.(values)}
            {props.audit && <History of={props.audit(values)} fields={fields} />}
          </div>
        )}
      </div>
      {asking && <Confirm title={t.sure(title)} text={restore && <p>{t.sureText}</p>} act={core.act.remove} run={drop} onClose={() => setAsking(false)} />}
    </div>
  );
}

/** What happened to a record, the newest first, with differences in words. */
export function History({ of, fields = [] }: { of: string; fields?: readonly FieldSpec[] }) {
  const t = words('record');
  const core = words('core');
  const list = useInfiniteQuery({
    queryKey: ['audit', of],
    queryFn: ({ pageParam }) => data(api.GET('/v1/audit', { params: { query: { ref: of, before: pageParam ?? undefined, take: 20 } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? null,
    retry: false,
  });
  const isReady = useAuditWords();
  if (list.isError || !isReady) return null;
  const entries = list.data?.pages.flatMap((page) => page.value) ?? [];
  const kind = of.split('/')[0] ?? '';
  return (
    <section className="card" aria-label={t.history}>
      <h2>{t.history}</h2>
      {entries.length === 0 && !list.isPending && <p className="muted">{t.historyNone}</p>}
      <ul className="timeline">
        {entries.map((entry) => (
          <li key={entry.id}>
            <time>{formatTime(entry.date)}</time>
            <div>
              <p>{`${actionWords(entry.action)} ${t.by(entry.actorName ?? actorName(entry.actor) ?? entry.actor)}`}</p>
              <Changes kind={kind} action={entry.action} changes={entry.changes} fields={fields} />
            </div>
          </li>
        ))}
      </ul>
      {list.hasNextPage && <Button onClick={() => void list.fetchNextPage()}>{core.act.more}</Button>}
    </section>
  );
}
