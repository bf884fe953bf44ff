import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { api, data, may } from '../../api/client';
import { say } from '../../api/words';
import type { Room } from '../../api/types';
import { words } from '../../i18n';
import { formatSpan, formatTime } from '../../i18n/format';
import { Avatar } from '../../ui/Avatar';
import { Button } from '../../ui/Button';
import { Chooser } from '../../ui/Chooser';
import { toast } from '../../ui/Toast';
import { getRoom, listHistory } from './api';
import { learn } from './live';

const OpenCase = lazy(() => import('./OpenCase'));

interface Props {
  room: Room;
  now: number;
  linking: boolean;
  setLinking(open: boolean): void;
}

/** Who it is that writes, and how the conversation stands. */
export function CustomerPane({ room, now, linking, setLinking }: Props) {
  const t = words('inbox');
  const cache = useQueryClient();
  const [making, setMaking] = useState(false);
  const linked = useQuery({
    queryKey: ['room-customer', room.id, room.customerId],
    queryFn: () => data(api.GET('/v1/chat/rooms/{roomId}/customer', { params: { path: { roomId: room.id } } })),
  });
  const code = linked.data?.customer?.customerCode ?? room.customerCode;
  const customer = useQuery({
    queryKey: ['customer', code],
    queryFn: () => data(api.GET('/v3/customers/{customerCode}', { params: { path: { customerCode: code ?? '' } } })),
    enabled: !!code && may('customer:read'),
  });

  async function link(customerCode: string | null) {
    try {
      await data(api.PUT('/v1/chat/rooms/{roomId}/customer', { params: { path: { roomId: room.id } }, body: { customerCode } }));
      await cache.invalidateQueries({ queryKey: ['room-customer', room.id] });
      learn([await getRoom(room.id)]);
      toast(customerCode === null ? t.pane.unlinked : t.pane.linked_done);
    } catch (error) {
      toast(say(error), { bad: true });
    }
  }

  const who = customer.data;
  return (
    <div className="pane-body">
      <div className="pane-head">
        <Avatar name={who?.customerName ?? room.name} picture={room.picture} size={48} />
        <div className="grow">
          <h2 className="line">{who?.customerName ?? room.name}</h2>
          <p className="small muted line">{room.account.name || room.platform}</p>
        </div>
      </div>
      <section>
        <h3>{t.pane.linked}</h3>
        {who ? (
          <>
            <dl className="pairs">
              <dt>{t.pane.code}</dt>
              <dd>{who.customerCode}</dd>
              {(who.customerMobile ?? who.customerPhone) && <><dt>{t.pane.phone}</dt><dd><a href={`tel:${who.customerMobile ?? who.customerPhone}`}>{who.customerMobile ?? who.customerPhone}</a></dd></>}
              {who.customerEmail && <><dt>{t.pane.email}</dt><dd><a href={`mailto:${who.customerEmail}`}>{who.customerEmail}</a></dd></>}
              {who.customerGroupName && <><dt>{t.pane.groupName}</dt><dd>{who.customerGroupName}</dd></>}
              {who.customerTags.length > 0 && <><dt>{t.pane.tags}</dt><dd className="row wrap">{who.customerTags.map((tag) => <span key={tag} className="chip">{tag}</span>)}</dd></>}
              {who.customerNote && <><dt>{t.pane.note}</dt><dd className="pre">{who.customerNote}</dd></>}
            </dl>
            <div className="bar">
              <Link className="button" to="/customers/$code" params={{ code: who.customerCode }}>{t.pane.open}</Link>
              {may('chat:write') && <Button look="quiet" onClick={() => void link(null)}>{t.pane.unlink}</Button>}
            </div>
          </>
        ) : (
          <>
            <p className="muted">{t.pane.none}</p>
            {(linked.data?.suggestions ?? []).map((one) => (
              <div key={one.customerId} className="bar">
                <span className="grow line">{`${t.pane.suggested}: ${one.customerName}`}</span>
                {may('chat:write') && <Button onClick={() => void link(one.customerCode)}>{t.pane.link}</Button>}
              </div>
            ))}
            {may('chat:write') && may('customer:read') && <Button icon="link" onClick={() => setLinking(true)}>{t.pane.link}</Button>}
          </>
        )}
      </section>
      <section>
        <h3>{t.pane.state}</h3>
        <dl className="pairs">
          <dt>{t.pane.status}</dt>
          <dd>{t.status[room.status]}{room.status === 'waiting' && room.waitingUntil ? ` ${words('core').date.until(formatTime(room.waitingUntil))}` : ''}</dd>
          <dt>{t.pane.assignee}</dt>
          <dd>{room.assignee ? room.assignee.nickname ?? room.assignee.name : t.act.nobody}</dd>
          {room.team && <><dt>{t.pane.team}</dt><dd>{room.team.name}</dd></>}
          <dt>{t.pane.priority}</dt>
          <dd>{t.priority[room.priority]}</dd>
          {room.labels.length > 0 && <><dt>{t.pane.labels}</dt><dd className="row wrap">{room.labels.map((label) => <span key={label.id} className="chip accent">{label.name}</span>)}</dd></>}
          {room.unanswered && room.waitingSince && <><dt>{t.pane.waits}</dt><dd><span className={`chip ${now - room.waitingSince > 3_600_000 ? 'bad' : 'warn'}`}>{formatSpan(now - room.waitingSince)}</span></dd></>}
          {room.unanswered && room.respondBy && <><dt>{t.pane.respondBy}</dt><dd><span className={`chip ${room.respondBy < now ? 'bad' : 'warn'}`}>{formatTime(room.respondBy)}</span></dd></>}
          <dt>{t.pane.since}</dt>
          <dd>{formatTime(room.createdAt)}</dd>
        </dl>
      </section>
      {may('case:write') && <div><Button icon="case" onClick={() => setMaking(true)}>{t.openCase.title}</Button></div>}
      <RoomHistory room={room} />
      {making && <Suspense fallback={null}><OpenCase roomId={room.id} onClose={() => setMaking(false)} /></Suspense>}
      {linking && <LinkChooser onClose={() => setLinking(false)} onChoose={(code) => { setLinking(false); void link(code); }} first={room.name} />}
    </div>
  );
}

function RoomHistory({ room }: { room: Room }) {
  const t = words('inbox').history;
  const [open, setOpen] = useState(false);
  const list = useQuery({ queryKey: ['room-history', room.id, room.version], queryFn: () => listHistory(room.id), enabled: open });
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.title}</summary>
      <ul className="room-history">
        {list.data?.length === 0 && <li className="muted">{t.none}</li>}
        {list.data?.map((one) => (
          <li key={one.id} className="small">
            <span className="muted">{formatTime(one.at)}</span>{' '}
            <span>{`${t.actions[one.action] ?? one.action} · ${one.actor ? one.actor.nickname ?? one.actor.name : t.rule}`}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function LinkChooser({ onClose, onChoose, first }: { onClose(): void; onChoose(code: string): void; first: string }) {
  const t = words('inbox').pane;
  const [text, setText] = useState('');
  const keyword = text.trim() || first;
  const found = useQuery({
    queryKey: ['customer', 'find', keyword],
    queryFn: () => data(api.POST('/v3/customers/enquiry', { body: { keyword, take: 20 } })),
    placeholderData: (before) => before,
  });
  const list = found.data ?? [];
  return (
    <Chooser
      title={t.linkTitle}
      placeholder={t.linkTitle}
      none={found.isFetching ? words('core').loading : t.linkNone}
      found
      onType={setText}
      onClose={onClose}
      options={list.map((one) => ({ id: one.customerCode, label: one.customerName, hint: [one.customerCode, one.customerMobile].filter(Boolean).join(' · ') }))}
      onChoose={(option) => onChoose(option.id)}
    />
  );
}
