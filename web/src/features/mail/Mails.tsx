import { useQueryClient } from '@tanstack/react-query';
import { call, exchange, may } from '../../api/client';
import { words } from '../../i18n';
import { formatBrief, formatNumber } from '../../i18n/format';
import { attempt } from '../../screen/Ask';
import { ListScreen } from '../../screen/List';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';

interface Mail {
  mailId: number;
  record: string;
  to: string[];
  subject: string;
  state: string;
  attempts: number;
  answer: string | null;
  dateCreated: string;
}
interface Page {
  data: Mail[];
  total?: number | null;
  totalIsEstimate?: boolean;
  next?: string | null;
}

const look = (state: string) => (state === 'sent' ? 'good' : state === 'queued' ? 'info' : 'bad');

/** Every e-mail, and what became of it. */
export function Mails() {
  const t = words('sale').mail;
  const cache = useQueryClient();
  const can = may('mail:write');
  const again = (row: Mail) => void attempt(call('POST', `/v1/mail/${row.mailId}/retry`, { body: {} }).then(() => cache.invalidateQueries({ queryKey: ['mail'] })), t.goesAgain);
  return (
    <ListScreen<Mail>
      title={t.title}
      icon="mail"
      at="/mail"
      kind="mail"
      empty={t.empty}
      acts={can && <Button onClick={() => void attempt(call('POST', '/v1/mail/test', { body: {} }).then(() => cache.invalidateQueries({ queryKey: ['mail'] })), t.tested)}>{t.test}</Button>}
      filters={[{ id: 'state', label: t.state, options: Object.entries(t.states).map(([value, label]) => ({ value, label })) }]}
      idOf={(row) => String(row.mailId)}
      fetch={async (asked, next, signal) => {
        const { envelope } = await exchange<unknown>('GET', '/v1/mail', { query: { keyword: asked['q'], state: asked['state'], take: 50, cursor: next }, signal });
        const page = envelope as Page;
        return { rows: page.data, next: page.next ?? null, total: page.total ?? null, estimate: page.totalIsEstimate };
      }}
      rowActs={can ? [{ id: 'again', label: t.again, keys: ['r'], run: again }] : []}
      columns={[
        { id: 'subject', label: t.subject, show: (row) => row.subject },
        { id: 'to', label: t.to, show: (row) => row.to.join(', ') },
        { id: 'state', label: t.state, show: (row) => <><span className={`chip ${look(row.state)}`}>{t.states[row.state] ?? row.state}</span>{row.state !== 'sent' && row.answer && <p className="fault">{row.answer}</p>}</> },
        { id: 'about', label: t.about, show: (row) => row.record, wide: true },
        { id: 'tries', label: t.tries, show: (row) => formatNumber(row.attempts), number: true, wide: true },
        { id: 'when', label: t.when, show: (row) => formatBrief(row.dateCreated), wide: true },
        { id: 'act', label: t.again, show: (row) => (can && (row.state === 'failed' || row.state === 'refused') ? <Button onClick={() => again(row)}>{t.again}</Button> : ''), wide: true },
      ]}
    />
  );
}
