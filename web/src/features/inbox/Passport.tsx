import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useEffect } from 'react';
import { api, data } from '../../api/client';
import { words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Failed, Loading } from '../../ui/State';
import { copy } from '../../ui/copy';

interface MessageEvent {
  id: string;
  name: string;
  timestamp: number;
  deliveries: { webhookId: number; url: string; state: string; tries: number; status: number | null; error: string | null; doneAt: number | null }[];
}

/** The passport of a message: everything that happened to it, on a page that can be shared. */
export function Passport() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('inbox');
  const p = t.passport;
  const found = useQuery({ queryKey: ['message', id], queryFn: () => data(api.GET('/v1/chat/message/{id}', { params: { path: { id } } })) });
  useEffect(() => {
    document.title = `${p.title} · Sala`;
  }, [p]);
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const message = found.data;
  const events = (message as { events?: MessageEvent[] }).events ?? [];
  const theirs = message.user.type === 'customer';
  return (
    <div className="page">
      <header className="page-head">
        <h1>{p.title}</h1>
        <Link className="button" to="/inbox" search={{ room: message.roomId, at: message.id, view: 'open' }}>{p.inRoom}</Link>
        <Button onClick={() => void copy(location.href)}>{p.share}</Button>
      </header>
      <section className="card" aria-label={p.message}>
        <p className="pre">{message.content}</p>
        <dl className="pairs">
          <dt>{p.who}</dt>
          <dd>{message.user.displayName || message.user.id}</dd>
          <dt>{p.when}</dt>
          <dd>{formatTime(message.timestamp)}</dd>
          <dt>{p.platform}</dt>
          <dd>{message.platform}</dd>
          <dt>{p.number}</dt>
          <dd>{message.vwId}</dd>
          {!theirs && <><dt>{p.state}</dt><dd>{message.deliveryStatus === 'pending' ? t.thread.sending : t.thread[message.deliveryStatus as 'sent' | 'delivered' | 'read' | 'failed']}</dd></>}
          {message.cost && <><dt>{p.cost}</dt><dd>{message.cost === 'push' ? t.thread.push : t.thread.free}</dd></>}
          {message.failure && <><dt>{p.failure}</dt><dd className="fault">{message.failure}</dd></>}
          <dt>{p.trace}</dt>
          <dd><code>{message.traceId}</code></dd>
          <dt>{p.id}</dt>
          <dd><code>{message.id}</code></dd>
        </dl>
      </section>
      {!theirs && (
        <section className="card" aria-label={p.attempts}>
          <h2>{p.attempts}</h2>
          {message.attempts.length === 0 ? (
            <p className="muted">{p.noAttempt}</p>
          ) : (
            <ul className="timeline">
              {message.attempts.map((attempt) => (
                <li key={attempt.number}>
                  <time>{formatTime(attempt.timestamp)}</time>
                  <p>{[p.attempt(attempt.number), attempt.route === 'push' ? t.thread.push : t.thread.free, p.outcomes[attempt.outcome] ?? attempt.outcome, attempt.reason].filter(Boolean).join(' · ')}</p>
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
      <section className="card" aria-label={p.events}>
        <h2>{p.events}</h2>
        {events.length === 0 ? <p className="muted">{p.noEvent}</p> : events.map((event) => (
          <div key={event.id}>
            <p><strong>{event.name}</strong>{' '}<span className="muted small">{formatTime(event.timestamp)}</span></p>
            <p className="muted small"><code>{event.id}</code></p>
            <ul className="timeline">
              {event.deliveries.map((delivery) => (
                <li key={delivery.webhookId}>
                  <span className={`chip ${delivery.state === 'delivered' ? 'good' : delivery.state === 'failed' ? 'bad' : 'info'}`}>{p.delivered[delivery.state] ?? delivery.state}</span>
                  <div>
                    <p><Link to={`/webhooks/${delivery.webhookId}` as never}>{delivery.url}</Link></p>
                    <p className="muted small">{[p.tries(delivery.tries), delivery.status == null ? '' : `HTTP ${delivery.status}`, delivery.error, delivery.doneAt == null ? '' : formatTime(delivery.doneAt)].filter(Boolean).join(' · ')}</p>
                  </div>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </section>
    </div>
  );
}
