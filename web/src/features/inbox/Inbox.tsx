import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { may, session } from '../../api/client';
import { say } from '../../api/words';
import type { Counts, Entry, Room } from '../../api/types';
import { prefer } from '../../app/session';
import { useCommands, type Command } from '../../keys';
import { words } from '../../i18n';
import { parcels as outgoing } from '../../live/post';
import { useStore } from '../../store';
import { Avatar } from '../../ui/Avatar';
import { Button, IconButton } from '../../ui/Button';
import { Chooser } from '../../ui/Chooser';
import { Dialog } from '../../ui/Dialog';
import { Icon, type IconName } from '../../ui/Icon';
import { TextField } from '../../ui/Field';
import { Empty, Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';
import * as acts from './acts';
import { addView, dropView, getCounts, getRoom, listColleagues, listRooms, listViews, markRead, presence } from './api';
import { Composer, type ComposerHandle } from './Composer';
import { CustomerPane } from './CustomerPane';
import { flush, written } from './drafts';
import './inbox.css';
import { doubtful, gone, learn, loadThread, others, rooms as known, threadKey } from './live';
import { listLabels } from './labels';
import { certain, rows, VIEWS, withLine, type View } from './model';
import { RoomList } from './RoomList';
import { Thread, type ThreadHandle } from './Thread';

const VIEW_ICONS: Record<string, IconName> = { queue: 'clock', mine: 'user', unassigned: 'inbox', mentioned: 'mention', open: 'menu', waiting: 'moon', closed: 'check' };

type Asking = 'acts' | 'assign' | 'snooze' | 'label' | 'priority' | 'close' | null;

/** A clock that moves the waiting times on. */
function useMinute(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 20_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The inbox: the views, the rooms of one, the thread, and who it is. */
export function Inbox() {
  const t = words('inbox');
  const me = useStore(session);
  const search = useSearch({ from: '/shell/inbox' });
  const navigate = useNavigate({ from: '/inbox' });
  const now = useMinute();
  const my = me?.user.id ?? '';
  const viewId = search.view ?? me?.preferences.view ?? 'queue';
  const own = useQuery({ queryKey: ['views'], queryFn: listViews, staleTime: 10 * 60_000, retry: false });
  const views = useMemo((): NamedView[] => [...VIEWS.map((view) => ({ ...view, label: t.views[view.id as keyof typeof t.views] })), ...(own.data ?? []).map((view) => ({ status: ['open'], order: 'recent', ...view.filter, id: `own-${view.id}`, label: view.name, own: view.id }) as NamedView)], [own.data, t]);
  const named = views.find((view) => view.id === viewId) ?? (views[0] as NamedView);
  const base = useMemo((): View => {
    const { label: _label, own: _own, ...view } = named;
    return view;
  }, [named]);
  const [naming, setNaming] = useState(false);
  const [line, setLine] = useState(search.q ?? '');
  const view = useMemo(() => withLine(base, search.q ?? ''), [base, search.q]);
  const [pane, setPane] = useState((me?.preferences.pane ?? true) && matchMedia('(min-width: 1181px)').matches);
  const [asking, setAsking] = useState<Asking>(null);
  const [linking, setLinking] = useState(false);
  const [slot, setSlot] = useState<Element | null>(null);
  const composer = useRef<ComposerHandle>(null);
  const thread = useRef<ThreadHandle>(null);
  const filter = useRef<HTMLInputElement>(null);
  const roomId = search.room ?? null;

  useEffect(() => setSlot(document.getElementById('inbox-views')), []);
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);

  const counts = useQuery({ queryKey: ['counts'], queryFn: getCounts });
  const list = useInfiniteQuery({
    queryKey: ['rooms', view],
    queryFn: async ({ pageParam, signal }) => {
      const page = await listRooms(view, pageParam, signal);
      learn(page.value);
      return page;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const all = useStore(known);
  const left = useStore(gone);
  const listed = useMemo(() => (list.data?.pages.flatMap((page) => page.value) ?? []).filter((one) => !left.has(one.id)), [list.data, left]);
  const unsure = useStore(doubtful);
  const shown = useMemo(() => rows(listed, list.hasNextPage, certain(all, unsure), view, my, roomId), [listed, list.hasNextPage, all, unsure, view, my, roomId]);
  const { fetchNextPage, isFetchingNextPage } = list;
  const loadMore = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage]);

  const missing = !!roomId && !all.has(roomId);
  const single = useQuery({
    queryKey: ['room', roomId],
    queryFn: async () => {
      const room = await getRoom(roomId ?? '');
      learn([room]);
      return room;
    },
    enabled: missing,
  });
  const room = roomId ? all.get(roomId) ?? null : null;

  const go = useCallback((next: Room | null, options: { focus?: boolean } = {}) => {
    flush();
    void navigate({ search: (before) => ({ ...before, room: next?.id, at: undefined }), replace: !!next && !!roomId });
    if (options.focus) requestAnimationFrame(() => composer.current?.focus());
  }, [navigate, roomId]);
  const onRow = useCallback((next: Room) => go(next), [go]);
  const step = (by: number) => {
    const at = shown.findIndex((one) => one.id === roomId);
    const next = shown[at < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, at + by))];
    if (next) go(next);
  };
  const setView = (id: string) => {
    void prefer({ view: id });
    setLine('');
    void navigate({ search: { view: id } });
  };

  const togglePane = () => {
    setPane(!pane);
    // On a small screen the pane lies over the thread: opening it there says nothing about the big one.
    if (matchMedia('(min-width: 1181px)').matches) void prefer({ pane: !pane });
  };

  const canWrite = may('chat:write');
  const on = (act: (room: Room) => void) => () => {
    if (room && canWrite) act(room);
  };
  const tryClose = (one: Room) => {
    const draft = written(one.id).content !== '';
    if ((one.assignee && one.assignee.id !== my) || draft) setAsking('close');
    else void acts.close(one);
  };
  const group = t.act.group;
  const commands: Command[] = [
    { id: 'inbox.next', label: t.act.next, group, keys: ['j'], quiet: true, run: () => step(1) },
    { id: 'inbox.previous', label: t.act.previous, group, keys: ['k'], quiet: true, run: () => step(-1) },
    { id: 'inbox.reply', label: t.act.reply, group, keys: ['r', 'Enter'], run: on(() => composer.current?.focus('reply')) },
    { id: 'inbox.note', label: t.act.note, group, keys: ['n'], run: on(() => composer.current?.focus('note')) },
    { id: 'inbox.claim', label: t.act.claim, group, keys: ['m'], run: on((one) => void acts.claim(one)) },
    { id: 'inbox.assign', label: t.act.assign, group, keys: ['a'], run: on(() => setAsking('assign')) },
    { id: 'inbox.snooze', label: t.act.snooze, group, keys: ['s'], run: on(() => setAsking('snooze')) },
    { id: 'inbox.close', label: room?.status === 'closed' ? t.act.open : t.act.close, group, keys: ['e'], run: on((one) => (one.status === 'closed' ? void acts.reopen(one) : tryClose(one))) },
    { id: 'inbox.unread', label: t.act.unread, group, keys: ['u'], run: () => { if (room) { read.current = true; void acts.unread(room); } } },
    { id: 'inbox.label', label: t.act.label, group, keys: ['l'], run: on(() => setAsking('label')) },
    { id: 'inbox.priority', label: t.act.priority, group, keys: ['p'], run: on(() => setAsking('priority')) },
    { id: 'inbox.link', label: t.act.link, group, keys: ['i'], run: on(() => { setPane(true); setLinking(true); }) },
    { id: 'inbox.newer', label: t.act.newer, group, keys: ['Shift+j'], quiet: true, run: () => thread.current?.step(1) },
    { id: 'inbox.older', label: t.act.older, group, keys: ['Shift+k'], quiet: true, run: () => thread.current?.step(-1) },
    { id: 'inbox.media', label: t.act.media, group, keys: ['o'], quiet: true, run: () => thread.current?.open() },
    { id: 'inbox.pane', label: t.act.pane, group, keys: [']'], run: togglePane },
    { id: 'inbox.filter', label: t.act.filter, group, keys: ['f'], run: () => filter.current?.focus() },
    { id: 'inbox.view', label: t.act.next_view, group, keys: ['v'], run: () => setView(views[(views.findIndex((one) => one.id === base.id) + 1) % views.length]?.id ?? 'queue') },
    { id: 'inbox.saveView', label: t.saved.save, group, run: () => setNaming(true) },
  ];
  useCommands(commands);
  // What a phone's header has no room for.
  const onPhone = [...(canWrite && room?.assignee?.id !== my ? ['inbox.claim'] : []), ...(canWrite ? ['inbox.assign', 'inbox.label', 'inbox.snooze', 'inbox.priority', 'inbox.link'] : []), 'inbox.unread', 'inbox.pane'];

  // The thread, the read mark, and where I am.
  const loaded = useQuery({ queryKey: threadKey(roomId ?? ''), queryFn: () => loadThread(roomId ?? '', search.at), enabled: !!roomId, staleTime: Infinity });
  const read = useRef(false);
  useEffect(() => {
    read.current = false;
  }, [roomId]);
  const [seenEnd, setSeenEnd] = useState(false);
  const last = room?.messages ?? 0;
  useEffect(() => {
    if (!room || !seenEnd || read.current || last <= (room.readTo ?? 0)) return;
    const id = room.id;
    const timer = setTimeout(() => {
      if (document.visibilityState === 'visible') markRead(id, last).then(() => learnRead(id, last), () => null);
    }, 1000);
    return () => clearTimeout(timer);
  }, [room, seenEnd, last]);
  useEffect(() => {
    const tell = () => {
      if (document.visibilityState === 'visible') void presence({ roomId, state: 'online' });
    };
    tell();
    const timer = setInterval(tell, 30_000);
    return () => clearInterval(timer);
  }, [roomId]);

  const who = useStore(others);
  const colleagues = useQuery({ queryKey: ['colleagues'], queryFn: listColleagues, enabled: asking === 'assign', staleTime: 5 * 60_000 });
  const crossing = [...who.values()].find((one) => one.roomId === roomId && one.typing && one.userId !== my && one.until > Date.now());
  const parcels = useStore(outgoing).filter((parcel) => parcel.roomId === roomId);

  return (
    <div className={`inbox ${room ? 'has-room' : ''} ${pane ? 'has-pane' : ''}`}>
      <h1 className="unseen">{`${t.title}: ${named.label}`}</h1>
      {slot && createPortal(<Views views={views} active={base.id} counts={counts.data} onChoose={setView} onDrop={(id) => { dropView(id).then(() => { void own.refetch(); setView('queue'); }, (error) => toast(say(error), { bad: true })); }} />, slot)}
      <section className="rooms-column" aria-label={t.list.label}>
        <header className="rooms-head">
          <p className="line rooms-title" aria-hidden="true">{named.label}</p>
          <select className="views-select" aria-label={t.views.label} value={base.id} onChange={(event) => setView(event.target.value)}>
            {views.map((one) => (
              <option key={one.id} value={one.id}>{one.label}</option>
            ))}
          </select>
          <form
            role="search"
            onSubmit={(event) => {
              event.preventDefault();
              void navigate({ search: (before) => ({ ...before, q: line.trim() || undefined }) });
              document.getElementById('rooms')?.focus();
            }}
          >
            <input
              ref={filter}
              id="filter"
              className="input"
              type="search"
              aria-label={t.act.filter}
              placeholder={t.list.filter}
              value={line}
              onChange={(event) => setLine(event.target.value)}
              onKeyDown={(event) => {
                if (event.key !== 'Escape') return;
                event.preventDefault();
                setLine('');
                void navigate({ search: (before) => ({ ...before, q: undefined }) });
                document.getElementById('rooms')?.focus();
              }}
            />
          </form>
        </header>
        {list.isPending ? (
          <Loading />
        ) : list.isError ? (
          <Failed error={list.error} retry={() => void list.refetch()} />
        ) : shown.length === 0 && !list.hasNextPage ? (
          <EmptyList view={view} filtered={!!search.q} clear={() => { setLine(''); void navigate({ search: (before) => ({ ...before, q: undefined }) }); }} />
        ) : (
          <RoomList rooms={shown} active={roomId} order={view.order} now={now} label={t.list.label} onActive={onRow} onOpen={onRow} more={list.hasNextPage} loadMore={loadMore} />
        )}
      </section>
      {room ? (
        <>
          <section className="thread-column" aria-label={room.name}>
            <header className="thread-head">
              <IconButton className="phone" icon="back" label={t.thread.back} onClick={() => go(null)} />
              <Avatar name={room.name} picture={room.picture} size={32} />
              <div className="grow">
                <h2 className="line">{room.name}</h2>
                <p className="small muted line">
                  {[room.account.name || room.platform, room.status === 'open' ? null : t.status[room.status], room.assignee ? room.assignee.nickname ?? room.assignee.name : t.act.nobody].filter(Boolean).join(' · ')}
                </p>
              </div>
              {canWrite && (
                <div className="thread-acts">
                  {room.assignee?.id !== my && <Button className="wide-only" icon="assign" title={t.act.claim} aria-label={t.act.claim} onClick={() => void acts.claim(room)}>{t.act.claim}</Button>}
                  <IconButton className="not-phone" icon="user" label={t.act.assign} keys="a" onClick={() => setAsking('assign')} />
                  <IconButton className="not-phone" icon="tag" label={t.act.label} keys="l" onClick={() => setAsking('label')} />
                  <IconButton className="not-phone" icon="moon" label={t.act.snooze} keys="s" onClick={() => setAsking('snooze')} />
                  <IconButton id="close-room" icon={room.status === 'closed' ? 'inbox' : 'check'} label={room.status === 'closed' ? t.act.open : t.act.close} keys="e" onClick={() => (room.status === 'closed' ? void acts.reopen(room) : tryClose(room))} />
                </div>
              )}
              <IconButton className="not-phone" icon="pane" label={t.act.pane} keys="]" aria-pressed={pane} onClick={togglePane} />
              <IconButton className="phone-only" icon="more" label={words('core').nav.more} aria-haspopup="dialog" onClick={() => setAsking('acts')} />
            </header>
            {loaded.isPending ? (
              <Loading />
            ) : loaded.isError ? (
              <Failed error={loaded.error} retry={() => void loaded.refetch()} />
            ) : (
              <Thread key={room.id} ref={thread} room={room} thread={loaded.data} parcels={parcels} at={search.at} onSeenEnd={setSeenEnd} />
            )}
            {crossing?.name && <p className="typing small muted" role="status">{t.thread.typing(crossing.name)}</p>}
            <Composer
              key={`composer ${room.id}`}
              ref={composer}
              room={room}
              crossing={crossing?.name ?? null}
              onSent={() => requestAnimationFrame(() => thread.current?.toEnd())}
              onLeave={() => document.getElementById('rooms')?.focus()}
            />
          </section>
          {pane && (
            <aside
              className="pane"
              aria-label={t.pane.label}
              onKeyDown={(event) => {
                if (event.key === 'Escape' && matchMedia('(max-width: 1180px)').matches) setPane(false);
              }}
            >
              <IconButton className="phone pane-close" icon="close" label={words('core').act.close} onClick={() => setPane(false)} />
              <CustomerPane key={room.id} room={room} now={now} linking={linking} setLinking={setLinking} />
            </aside>
          )}
        </>
      ) : (
        <section className="thread-column none" aria-label={t.title}>
          {single.isError ? <Failed error={single.error} /> : roomId ? <Loading /> : <Empty icon="inbox" title={t.thread.none}><p className="keys-only">{t.thread.noneKeys}</p></Empty>}
        </section>
      )}
      {naming && <NameView view={view} close={() => setNaming(false)} done={() => { setNaming(false); void own.refetch(); }} />}
      {room && asking === 'acts' && (
        <Chooser
          title={t.act.group}
          placeholder={t.act.group}
          none={words('core').list.none}
          options={commands.filter((command) => onPhone.includes(command.id)).map((command) => ({ id: command.id, label: command.label }))}
          onClose={() => setAsking(null)}
          onChoose={(option) => {
            setAsking(null);
            // The focus goes back first, so that a command may move it on.
            setTimeout(() => commands.find((command) => command.id === option.id)?.run());
          }}
        />
      )}
      {room && <Questions asking={asking} room={room} close={() => setAsking(null)} my={my} colleagues={colleagues.data ?? []} loading={colleagues.isPending} />}
    </div>
  );
}

function learnRead(id: string, to: number) {
  known.set((now) => {
    const room = now.get(id);
    return room ? new Map(now).set(id, { ...room, readTo: to, unread: Math.max(0, room.messages - to) }) : now;
  });
}

interface NamedView extends View {
  label: string;
  /** The id of a view that somebody saved. */
  own?: string | number;
}

function Views({ views, active, counts, onChoose, onDrop }: { views: readonly NamedView[]; active: string; counts: Counts | undefined; onChoose(id: string): void; onDrop(id: string | number): void }) {
  const t = words('inbox');
  const numbers: Record<string, number | undefined> = { queue: counts?.unanswered, mine: counts?.mine, unassigned: counts?.unassigned, mentioned: counts?.mentioned, waiting: counts?.waiting };
  return (
    <ul className="views" aria-label={t.views.label}>
      {views.map((view) => {
        const number = numbers[view.id];
        return (
          <li key={view.id} className="row">
            <button type="button" className="nav-link" aria-current={view.id === active ? 'true' : undefined} onClick={() => onChoose(view.id)}>
              <Icon name={VIEW_ICONS[view.id] ?? 'filter'} size={16} />
              <span className="grow line">{view.label}</span>
              {number ? <span className="small muted">{number >= 1000 ? '1000+' : number}</span> : null}
            </button>
            {view.own !== undefined && view.id === active && <IconButton className="tiny" icon="close" label={`${t.saved.drop}: ${view.label}`} onClick={() => onDrop(view.own as string)} />}
          </li>
        );
      })}
    </ul>
  );
}

function NameView({ view, close, done }: { view: View; close(): void; done(): void }) {
  const t = words('inbox').saved;
  const core = words('core').act;
  const [name, setName] = useState('');
  return (
    <Dialog title={t.save} onClose={close}>
      <form
        className="dialog-content"
        onSubmit={(event) => {
          event.preventDefault();
          const { id: _, ...filter } = view;
          addView(name.trim(), filter).then(() => { toast(t.done); done(); }, (error) => toast(say(error), { bad: true }));
        }}
      >
        <TextField label={t.name} required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        <div className="dialog-foot">
          <Button onClick={close}>{core.cancel}</Button>
          <Button type="submit" look="main">{core.save}</Button>
        </div>
      </form>
    </Dialog>
  );
}

function EmptyList({ view, filtered, clear }: { view: View; filtered: boolean; clear(): void }) {
  const t = words('inbox').list;
  if (filtered) {
    return (
      <Empty icon="filter" title={t.empty}>
        <p>{t.emptyFilter}</p>
        <Button onClick={clear}>{words('core').act.clearFilters}</Button>
      </Empty>
    );
  }
  return view.id === 'queue' ? <Empty icon="check" title={t.emptyQueue}><p>{t.emptyQueueText}</p></Empty> : <Empty icon="inbox" title={t.empty} />;
}

interface QuestionsProps {
  asking: Asking;
  room: Room;
  close(): void;
  my: string;
  colleagues: { id: string; name: string; nickname?: string | null; teamName: string | null; isActive?: boolean }[];
  loading: boolean;
}

function Questions({ asking, room, close, my, colleagues, loading }: QuestionsProps) {
  const t = words('inbox');
  const core = words('core');
  const labels = useQuery({ queryKey: ['room-labels'], queryFn: listLabels, enabled: asking === 'label', staleTime: 5 * 60_000 });
  switch (asking) {
    case 'assign': {
      const options = [
        ...colleagues.filter((one) => one.isActive !== false).sort((a, b) => Number(b.id === my) - Number(a.id === my) || a.name.localeCompare(b.name, 'th')).map((one) => ({
          id: one.id,
          label: one.id === my ? `${t.act.me} (${one.nickname ?? one.name})` : one.nickname ? `${one.nickname} · ${one.name}` : one.name,
          hint: one.teamName ?? '',
          mark: <Avatar name={one.nickname ?? one.name} size={24} />,
        })),
        { id: '', label: t.act.nobody, hint: '', mark: <Icon name="close" /> },
      ];
      return (
        <Chooser
          title={t.act.assignTitle}
          placeholder={t.act.assignTitle}
          options={loading ? [] : options}
          none={loading ? core.loading : t.act.noColleague}
          onClose={close}
          onChoose={(option) => {
            close();
            const to = colleagues.find((one) => one.id === option.id) ?? null;
            if ((to?.id ?? null) !== (room.assignee?.id ?? null)) void acts.assign(room, to);
          }}
        />
      );
    }
    case 'snooze':
      return (
        <Chooser
          title={t.act.snoozeTitle}
          placeholder={t.act.snoozeTitle}
          options={acts.snoozes(new Date()).map((one) => ({ id: String(one.at), label: t.snooze[one.id], hint: one.hint }))}
          none={core.list.none}
          onClose={close}
          onChoose={(option) => {
            close();
            void acts.snooze(room, Number(option.id));
          }}
        />
      );
    case 'label': {
      const has = new Set(room.labels.map((label) => label.id));
      return (
        <Chooser
          title={t.act.labelTitle}
          placeholder={t.act.labelTitle}
          options={(labels.data ?? []).map((label: Entry) => ({ id: String(label.id), label: label.name, more: label.nameEn ?? '', mark: <Icon name={has.has(label.id) ? 'check' : 'tag'} />, hint: has.has(label.id) ? core.act.remove : core.act.add }))}
          none={labels.isPending ? core.loading : t.act.noLabel}
          onClose={close}
          onChoose={(option) => {
            close();
            const one = labels.data?.find((label) => String(label.id) === option.id);
            if (one) void acts.label(room, has.has(one.id) ? room.labels.filter((label) => label.id !== one.id) : [...room.labels, one]);
          }}
        />
      );
    }
    case 'priority':
      return (
        <Chooser
          title={t.pane.priority}
          placeholder={t.pane.priority}
          options={(['urgent', 'high', 'normal', 'low'] as const).map((one) => ({ id: one, label: t.priority[one], mark: <Icon name={one === room.priority ? 'check' : 'star'} /> }))}
          none={core.list.none}
          onClose={close}
          onChoose={(option) => {
            close();
            void acts.prioritise(room, option.id as Room['priority']);
          }}
        />
      );
    case 'close':
      return (
        <Dialog title={t.act.sure.title} onClose={close}>
          <div className="dialog-content">
            {room.assignee && room.assignee.id !== my && <p>{t.act.sure.other(room.assignee.nickname ?? room.assignee.name)}</p>}
            {written(room.id).content !== '' && <p>{t.act.sure.draft}</p>}
            <div className="dialog-foot">
              <Button onClick={close}>{core.act.back}</Button>
              <Button look="main" autoFocus onClick={() => { close(); void acts.close(room); }}>{t.act.close}</Button>
            </div>
          </div>
        </Dialog>
      );
    default:
      return null;
  }
}
