import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useImperativeHandle, useMemo, useRef, useState, type Ref } from 'react';
import { say } from '../../api/words';
import type { Message, Note, Room } from '../../api/types';
import { words } from '../../i18n';
import { daysBetween, formatClock, formatLongDay } from '../../i18n/format';
import type { Parcel } from '../../live/outbox';
import { mergeMessages } from '../../live/merge';
import { postAgain, unpost } from '../../live/post';
import { Avatar } from '../../ui/Avatar';
import { Button, IconButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { toast } from '../../ui/Toast';
import { deleteNote, listMessages, retryMessage } from './api';
import { catchUp, onThread, type Thread as Loaded } from './live';
import { entries, parts, spot, type Entry } from './model';

export interface ThreadHandle {
  toEnd(): void;
  step(by: number): void;
  open(): void;
}

interface Props {
  room: Room;
  thread: Loaded;
  parcels: readonly Parcel[];
  /** Id of a message to show first. */
  at?: string;
  onSeenEnd(seen: boolean): void;
  ref?: Ref<ThreadHandle>;
}

/** What was said in a room. Only what is on screen is in the page; it follows the end only when the end is seen. */
export function Thread({ room, thread, parcels, at, onSeenEnd, ref }: Props) {
  const t = words('inbox').thread;
  const cache = useQueryClient();
  const scroll = useRef<HTMLDivElement>(null);
  // The mark "New" stays where it was when the room was opened.
  const [readTo] = useState(room.readTo);
  const list = useMemo(() => entries(thread.messages, thread.notes, parcels, readTo), [thread.messages, thread.notes, parcels, readTo]);
  const [seen, setSeen] = useState({ end: true, count: list.length });
  const [focused, setFocused] = useState<string | null>(null);
  const loading = useRef(false);

  const virtual = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => {
      const entry = list[index];
      if (entry?.is === 'message') return 46 + 24 * Math.ceil(entry.message.content.length / 56);
      return entry?.is === 'day' ? 44 : 70;
    },
    getItemKey: (index) => list[index]?.key ?? index,
    overscan: 8,
    paddingStart: 12,
    paddingEnd: 12,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: 40,
  });

  const started = useRef(false);
  /** The first message that stands here. */
  const begin = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (started.current || list.length === 0) return;
    started.current = true;
    const wanted = at ? list.findIndex((entry) => entry.is === 'message' && entry.message.id === at) : list.findIndex((entry) => entry.is === 'unread');
    if (wanted >= 0 && (at || list.length - wanted > 8)) {
      virtual.scrollToIndex(wanted, { align: 'start' });
      if (at) setFocused(list[wanted]?.key ?? null);
    } else virtual.scrollToEnd();
  }, [list, at, virtual]);

  async function older() {
    if (loading.current || !thread.hasBefore) return;
    loading.current = true;
    try {
      const page = await listMessages(room.id, { before: thread.messages[0]?.id });
      onThread(cache, room.id, (now) => ({ ...now, messages: mergeMessages(now.messages, page.value), hasBefore: page.hasBefore }));
    } catch (error) {
      toast(say(error), { bad: true });
    } finally {
      loading.current = false;
    }
  }
  async function newer() {
    if (loading.current || !thread.hasAfter) return;
    loading.current = true;
    try {
      const page = await listMessages(room.id, { after: thread.messages.at(-1)?.id });
      onThread(cache, room.id, (now) => ({ ...now, messages: mergeMessages(now.messages, page.value), hasAfter: page.hasAfter }));
    } finally {
      loading.current = false;
    }
  }

  function onScroll() {
    const element = scroll.current;
    if (!element) return;
    const end = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    if (element.scrollTop < 300) void older();
    if (end && thread.hasAfter) void newer();
    if (end !== seen.end || end) setSeen((now) => (now.end === end && (!end || now.count === list.length) ? now : { end, count: end ? list.length : now.count }));
    onSeenEnd(end && !thread.hasAfter);
  }
  useEffect(() => {
    const element = scroll.current;
    if (!element) return;
    const end = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    onSeenEnd(end && !thread.hasAfter);
    // After a long absence other messages stand here than before. That is no scrolling, and nothing was added to what was there: whoever
    // was at the end stays at the end.
    const isAnew = begin.current !== undefined && !list.some((entry) => entry.key === begin.current);
    begin.current = list.find((entry) => entry.is === 'message')?.key;
    if (isAnew && seen.end && !end) virtual.scrollToEnd();
    if (end) setSeen((now) => (now.end && now.count === list.length ? now : { end: true, count: list.length }));
    // A stranger's scrolling is told by the event; here it is a new entry.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [list]);

  const bubbles = list.filter((entry) => entry.is === 'message' || entry.is === 'note');
  useImperativeHandle(ref, () => ({
    toEnd: () => {
      if (thread.hasAfter) onThread(cache, room.id, (now) => ({ ...now, hasAfter: false }));
      if (thread.hasAfter) void catchUp(cache, room.id);
      virtual.scrollToEnd();
    },
    step: (by) => {
      const now = bubbles.findIndex((entry) => entry.key === focused);
      const next = bubbles[now < 0 ? bubbles.length - 1 : Math.max(0, Math.min(bubbles.length - 1, now + by))];
      if (!next) return;
      setFocused(next.key);
      virtual.scrollToIndex(list.indexOf(next), { align: 'auto' });
    },
    open: () => {
      const key = focused ?? [...bubbles].reverse().find((entry) => entry.is === 'message' && /^\/|^https?:/.test(entry.message.content))?.key;
      scroll.current?.querySelector<HTMLElement>(`[data-key="${key}"] a[href]`)?.click();
    },
  }));

  const fresh = seen.end ? 0 : list.length - seen.count;
  return (
    <div className="thread-frame">
      <div ref={scroll} className="thread" role="log" aria-label={t.label(room.name)} aria-live="off" tabIndex={0} onScroll={onScroll}>
        {list.length === 0 && <p className="state">{t.empty}</p>}
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const entry = list[item.index];
            return entry ? (
              <div key={item.key} ref={virtual.measureElement} data-index={item.index} data-key={entry.key} className={entry.key === focused ? 'entry at' : 'entry'} style={{ transform: `translateY(${item.start}px)` }}>
                <EntryView entry={entry} room={room} />
              </div>
            ) : null;
          })}
        </div>
      </div>
      {!seen.end && (
        <Button className="to-end" icon="down" onClick={() => virtual.scrollToEnd()}>
          {fresh > 0 ? t.newer(fresh) : t.toEnd}
        </Button>
      )}
      <div className="unseen" role="status" aria-live="polite">
        {fresh > 0 ? t.newer(fresh) : ''}
      </div>
    </div>
  );
}

const EntryView = memo(function EntryView({ entry, room }: { entry: Entry; room: Room }) {
  const t = words('inbox').thread;
  switch (entry.is) {
    case 'day':
      return <div className="day"><span>{dayWord(entry.at)}</span></div>;
    case 'unread':
      return <div className="unread-line"><span>{t.unread}</span></div>;
    case 'message':
      return <Bubble message={entry.message} head={entry.head} room={room} />;
    case 'note':
      return <NoteView note={entry.note} />;
    case 'parcel':
      return <ParcelView parcel={entry.parcel} />;
  }
});

function dayWord(at: number): string {
  const t = words('core').date;
  const days = daysBetween(new Date(at), new Date());
  return days === 0 ? t.today : days === 1 ? t.yesterday : formatLongDay(at);
}

function Bubble({ message, head, room }: { message: Message; head: boolean; room: Room }) {
  const t = words('inbox').thread;
  const theirs = message.user.type === 'customer';
  const name = theirs ? room.name : message.user.displayName || t.client;
  return (
    <article className={`bubble ${theirs ? 'theirs' : 'ours'} ${head ? 'head' : ''}`}>
      {head && (
        <header className="row bubble-head">
          <Avatar name={name} picture={theirs ? room.picture : message.user.avatar} size={22} />
          <strong className="line">{name}</strong>
          {message.user.type === 'client' && message.user.displayName && <span className="chip">{t.client}</span>}
        </header>
      )}
      <div className="bubble-body">
        <Content type={message.type} content={message.content} name={name} file={message.details?.fileName} />
        <footer className="bubble-foot">
          {!theirs && <Delivery message={message} />}
          <Link to="/messages/$id" params={{ id: message.id }} title={words('inbox').passport.open} className="passport">
            <time dateTime={new Date(message.timestamp).toISOString()}>{formatClock(message.timestamp)}</time>
          </Link>
        </footer>
      </div>
      {message.deliveryStatus === 'failed' && !theirs && (
        <p className="bubble-fault">
          <Icon name="warning" size={15} />
          <span>{message.failure ?? t.failed}</span>
          <Button look="quiet" onClick={() => { retryMessage(message.id).catch((error) => toast(say(error), { bad: true })); }}>{t.retry}</Button>
        </p>
      )}
    </article>
  );
}

function Delivery({ message }: { message: Message }) {
  const t = words('inbox').thread;
  const status = message.deliveryStatus;
  const text = status === 'pending' ? t.sending : t[status];
  return (
    <span className={`delivery ${status}`}>
      {text}
      {message.cost === 'push' ? ` · ${t.push}` : message.cost === 'reply' ? ` · ${t.free}` : ''}
    </span>
  );
}

function NoteView({ note }: { note: Note }) {
  const cache = useQueryClient();
  const t = words('inbox').thread;
  const author = note.author?.nickname ?? note.author?.name ?? t.client;
  return (
    <article className="bubble note">
      <header className="row bubble-head">
        <Avatar name={author} size={22} />
        <strong className="line">{author}</strong>
      </header>
      <div className="bubble-body">
        <p className="note-word"><Icon name="note" size={14} />{t.note}</p>
        <p className="pre"><Linked text={note.content} /></p>
        <footer className="bubble-foot">
          <time dateTime={new Date(note.createdAt).toISOString()}>{formatClock(note.createdAt)}</time>
          {note.own && <IconButton icon="close" className="tiny" label={words('inbox').passport.removeNote} onClick={() => { deleteNote(note.roomId, note.id).then(() => { onThread(cache, note.roomId, (now) => ({ ...now, notes: now.notes.filter((one) => one.id !== note.id) })); toast(words('inbox').passport.noteRemoved); }, (error) => toast(say(error), { bad: true })); }} />}
        </footer>
      </div>
    </article>
  );
}

function ParcelView({ parcel }: { parcel: Parcel }) {
  const t = words('inbox').thread;
  return (
    <article className={`bubble ${parcel.kind === 'note' ? 'note' : 'ours'} parcel`}>
      <div className="bubble-body">
        {parcel.kind === 'note' && <p className="note-word"><Icon name="note" size={14} />{t.note}</p>}
        {parcel.type === 'message' ? <p className="pre">{parcel.content}</p> : <p><span className="chip">{words('inbox').kinds[parcel.type] ?? parcel.type}</span>{' '}{parcel.name}</p>}
        <footer className="bubble-foot">
          <span className="delivery pending">{parcel.state === 'refused' ? t.failed : t.pending}</span>
        </footer>
      </div>
      {parcel.state === 'refused' && (
        <p className="bubble-fault" role="alert">
          <span>{t.refused(parcel.reason ?? '')}</span>
          <Button look="quiet" onClick={() => void postAgain(parcel.id)}>{t.retry}</Button>
          <Button look="quiet" onClick={() => void unpost(parcel.id)}>{t.drop}</Button>
        </p>
      )}
    </article>
  );
}

function Linked({ text }: { text: string }) {
  return parts(text).map((part, index) =>
    part.href ? (
      <a key={index} href={part.href} target="_blank" rel="noreferrer noopener">{part.text}</a>
    ) : (
      <span key={index}>{part.text}</span>
    ),
  );
}

function Content({ type, content, name, file }: { type: string; content: string; name: string; file?: string }) {
  const t = words('inbox');
  const [gone, setGone] = useState(false);
  const own = content.startsWith('/') || content.startsWith(location.origin);
  const web = content.startsWith('https://');
  if (type === 'message' || type === 'text') return <p className="pre"><Linked text={content} /></p>;
  if (gone) return <p className="muted">{[`[${t.kinds[type] ?? type}]`, file, t.thread.gone].filter(Boolean).join(' ')}</p>;
  const named = file && <span className="small file-name">{file}</span>;
  if (type === 'image' && (own || web)) {
    return (
      <>
        <a href={content} target="_blank" rel="noreferrer noopener" aria-label={[t.thread.picture(name), file].filter(Boolean).join(': ')} title={file}>
          <img className="media" src={content} alt={t.thread.picture(name)} loading="lazy" onError={() => setGone(true)} />
        </a>
        {named}
      </>
    );
  }
  if (type === 'video' && own) return <><video className="media" src={content} controls preload="none" aria-label={file ?? t.kinds['video']} />{named}</>;
  if (type === 'audio' && own) return <><audio src={content} controls preload="none" aria-label={file ?? t.kinds['audio']} />{named}</>;
  if (type === 'location') {
    const place = spot(content);
    if (place) {
      return (
        <p>
          <strong>{place.title}</strong>
          {place.address && <><br />{place.address}</>}
          <br />
          <a href={`https://www.openstreetmap.org/?mlat=${place.latitude}&mlon=${place.longitude}#map=16/${place.latitude}/${place.longitude}`} target="_blank" rel="noreferrer noopener">{t.thread.map}</a>
        </p>
      );
    }
  }
  return (
    <p>
      <span className="chip">{t.kinds[type] ?? type}</span>{' '}
      {own || web ? <a href={content} target="_blank" rel="noreferrer noopener">{file ?? t.thread.openFile}</a> : file ? <span>{file}</span> : <span className="muted">{content}</span>}
    </p>
  );
}
