import { useVirtualizer, defaultRangeExtractor } from '@tanstack/react-virtual';
import { memo, useEffect, useRef, type ReactNode } from 'react';
import type { Room, RoomOrder } from '../../api/types';
import { words } from '../../i18n';
import { formatBrief, formatSpan } from '../../i18n/format';
import { Avatar } from '../../ui/Avatar';
import { Icon } from '../../ui/Icon';
import { oneLine } from '../../ui/text';
import { shownTime } from './model';

const HEIGHT = 78;

interface Props {
  rooms: readonly Room[];
  active: string | null;
  order: RoomOrder;
  now: number;
  label: string;
  onActive(room: Room): void;
  onOpen(room: Room): void;
  more: boolean;
  loadMore(): void;
  foot?: ReactNode;
}

/** The rooms of a view. One row each, as many in the page as fit on the screen. */
export function RoomList({ rooms, active, order, now, label, onActive, onOpen, more, loadMore, foot }: Props) {
  const scroll = useRef<HTMLDivElement>(null);
  const at = rooms.findIndex((room) => room.id === active);
  const list = useVirtualizer({
    count: rooms.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => HEIGHT,
    overscan: 6,
    getItemKey: (index) => rooms[index]?.id ?? index,
    // The active row stays in the page: `aria-activedescendant` must point to something.
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range);
      return at < 0 || shown.includes(at) ? shown : [...shown, at].sort((a, b) => a - b);
    },
  });
  const items = list.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= rooms.length - 10) loadMore();
  }, [last, more, rooms.length, loadMore]);
  useEffect(() => {
    if (at >= 0) list.scrollToIndex(at, { align: 'auto' });
    // Only when another row becomes the active one: rows that move must not pull the list with them.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [active]);
  return (
    <div
      ref={scroll}
      id="rooms"
      className="rooms"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={at >= 0 ? `room-${active}` : undefined}
      onKeyDown={(event) => {
        const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = rooms[Math.max(0, Math.min(rooms.length - 1, at + step))];
        if (next) onActive(next);
      }}
    >
      <div role="presentation" style={{ height: list.getTotalSize(), position: 'relative' }}>
        {items.map((item) => {
          const room = rooms[item.index];
          if (!room) return null;
          return (
            <Row key={room.id} room={room} top={item.start} index={item.index} count={more ? -1 : rooms.length} active={room.id === active} order={order} now={now} onOpen={onOpen} />
          );
        })}
      </div>
      {foot}
    </div>
  );
}

/** What was said last, in a line. */
export function lastWords(room: Room): string {
  const t = words('inbox');
  if (!room.last) return '';
  const said = room.last.type === 'message' || room.last.type === 'text' ? oneLine(room.last.content) : `[${t.kinds[room.last.type] ?? room.last.type}]`;
  return room.last.from === 'customer' ? said : t.list.you + said;
}

const Row = memo(function Row({ room, top, index, count, active, order, now, onOpen }: { room: Room; top: number; index: number; count: number; active: boolean; order: RoomOrder; now: number; onOpen(room: Room): void }) {
  const t = words('inbox');
  const time = shownTime(room, order);
  const left = room.unanswered && room.respondBy ? room.respondBy - now : null;
  const waits = room.unanswered && room.waitingSince ? now - room.waitingSince : null;
  return (
    <div
      id={`room-${room.id}`}
      role="option"
      aria-selected={active}
      aria-setsize={count}
      aria-posinset={index + 1}
      className={room.unread > 0 ? 'room unread' : 'room'}
      style={{ transform: `translateY(${top}px)`, height: HEIGHT }}
      onClick={() => onOpen(room)}
    >
      <Avatar name={room.name} picture={room.picture} size={40} />
      <div className="room-text">
        <div className="row">
          <span className="line grow room-name">{room.name}</span>
          <span className="small muted">{formatBrief(time, now)}</span>
        </div>
        <div className="row">
          <span className="line grow room-last">
            {room.hasDraft && <em className="draft-mark">{t.list.draft}{' '}</em>}
            {lastWords(room)}
          </span>
          {room.unread > 0 && (
            <span className="badge">
              {room.unread > 99 ? '99+' : room.unread}
              <span className="unseen">{t.list.unread(room.unread)}</span>
            </span>
          )}
        </div>
        <div className="row room-marks">
          <span className="line">{room.account.name || room.platform}</span>
          {room.failed && <span className="chip bad"><Icon name="warning" size={13} />{t.list.failed}</span>}
          {room.priority !== 'normal' && <span className={`chip ${room.priority === 'urgent' ? 'bad' : room.priority === 'high' ? 'warn' : ''}`}>{t.priority[room.priority]}</span>}
          {waits !== null && (left !== null
            ? <span className={`chip ${left < 0 ? 'bad' : left < 600_000 ? 'warn' : 'accent'}`}>{left < 0 ? t.list.late(formatSpan(-left)) : t.list.left(formatSpan(left))}</span>
            : <span className={`chip ${waits > 3_600_000 ? 'warn' : 'accent'}`}>{t.list.waits(formatSpan(waits))}</span>)}
          {room.status !== 'open' && <span className="chip">{t.status[room.status]}</span>}
          <span className="grow" />
          {room.assignee && (
            <span className="assignee" title={t.list.assigned(room.assignee.nickname ?? room.assignee.name)}>
              <Avatar name={room.assignee.nickname ?? room.assignee.name} size={20} />
              <span className="unseen">{t.list.assigned(room.assignee.nickname ?? room.assignee.name)}</span>
            </span>
          )}
        </div>
      </div>
    </div>
  );
});
