import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { api, call, data, may } from '../../api/client';
import { Button } from '../../ui/Button';
import { words } from '../../i18n';
import { formatBrief } from '../../i18n/format';
import { enquire } from '../../screen/resource';
import '../../screen/screen.css';
import { Empty, Failed, Loading } from '../../ui/State';
import { fold, oneLine } from '../../ui/text';

interface Found {
  rooms: { id: string; name: string; last?: { content: string } | null }[];
  messages: { id: string; roomId: string; roomName: string; content: string; timestamp: number }[];
  next: string | null;
  searchedTo: number | null;
}

/** Records with a number that are searched for as well: who may read them, where they are found, and how one is shown. */
const DOCUMENTS = [
  { of: 'deals', scope: 'deal:read', path: '/v1/deals/enquiry', id: 'dealsId', number: 'dealNo', name: 'dealsName' },
  { of: 'quotations', scope: 'quotation:read', path: '/v1/quotation/enquiry', id: 'quotationNo', number: 'quotationNo', name: 'quotationSubject' },
  { of: 'orders', scope: 'salesorder:read', path: '/v2/salesorder/enquiry', id: 'salesOrderNo', number: 'salesOrderNo', name: 'salesOrderSubject' },
  { of: 'contracts', scope: 'contract:read', path: '/v1/contract/enquiry', id: 'contractNo', number: 'contractNo', name: 'contractName' },
  { of: 'cases', scope: 'case:read', path: '/v1/case/enquiry', id: 'caseNo', number: 'caseNo', name: 'subject' },
  { of: 'tasks', scope: 'task:read', path: '/v1/task/enquiry', id: 'taskNo', number: 'taskNo', name: 'subject' },
  { of: 'activities', scope: 'activity:read', path: '/v1/activities/enquiry', id: 'activityNo', number: 'activityNo', name: 'subject' },
] as const;

/** Conversations and messages; customers, products and documents are asked for beside them. */
async function find(keyword: string, signal: AbortSignal) {
  const none = { rooms: [], messages: [], next: null, searchedTo: null } as Found;
  const documents = Promise.all(
    DOCUMENTS.filter((kind) => may(kind.scope)).map(async (kind) => {
      const { rows } = await enquire<Record<string, unknown>>(kind.path, { keyword, take: 8 }, null, signal);
      const shown = rows.map((row) => ({ id: String(row[kind.id]), number: String(row[kind.number] ?? ''), name: String(row[kind.name] ?? ''), customer: String(row['customerName'] ?? '') }));
      return { of: kind.of, rows: shown };
    }),
  );
  const [said, customers, products] = await Promise.all([
    may('chat:read') ? call<Found>('POST', '/v1/console/search', { body: { keyword, take: 12 }, signal }) : none,
    may('customer:read') ? data(api.POST('/v3/customers/enquiry', { body: { keyword, take: 8 }, signal })) : [],
    may('product:read') ? data(api.POST('/v1/products/getProduct', { body: { productType: 1031, smartSearch: keyword, take: 8 }, signal })).then((page) => page.value) : [],
  ]);
  return { ...said, customers, products, documents: await documents };
}

/** One search over conversations, messages, customers, products and documents. */
export function Search() {
  const t = words('record').search;
  const { q } = useSearch({ from: '/shell/search' });
  const navigate = useNavigate();
  const [text, setText] = useState(q);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    input.current?.focus();
    document.title = `${t.title} · Sala`;
  }, [t]);
  useEffect(() => {
    if (text.trim() === q) return;
    const timer = setTimeout(() => void navigate({ to: '/search', search: { q: text.trim() }, replace: true }), 250);
    return () => clearTimeout(timer);
  }, [text, q, navigate]);
  const found = useQuery({
    queryKey: ['search', q],
    queryFn: ({ signal }) => find(q, signal),
    enabled: q !== '',
    placeholderData: (before) => before,
  });
  const [older, setOlder] = useState<{ of: string; messages: Found['messages']; next: string | null; to: number | null } | null>(null);
  const all = found.data && older?.of === q ? { ...found.data, messages: [...found.data.messages, ...older.messages], next: older.next, searchedTo: older.to } : found.data;
  const goOn = async () => {
    if (!all?.next) return;
    const page = await call<Found>('POST', '/v1/console/search', { body: { keyword: q, cursor: all.next, take: 30 } }).catch(() => null);
    if (page) setOlder((now) => ({ of: q, messages: [...(now?.of === q ? now.messages : []), ...page.messages], next: page.next, to: page.searchedTo }));
  };
  const count = (all?.rooms?.length ?? 0) + (all?.messages?.length ?? 0) + (all?.customers?.length ?? 0) + (all?.products?.length ?? 0) + (all?.documents ?? []).reduce((sum, kind) => sum + kind.rows.length, 0);
  return (
    <div className="page">
      <h1>{t.title}</h1>
      <input ref={input} id="search" type="search" className="input" aria-label={t.title} placeholder={t.holder} value={text} onChange={(event) => setText(event.target.value)} onKeyDown={(event) => {
        if (event.key === 'ArrowDown') document.querySelector<HTMLElement>('.result')?.focus();
      }} />
      <p className="unseen" role="status">{q && all ? t.results(count) : ''}</p>
      {q === '' ? (
        <Empty icon="search" title={t.start} />
      ) : found.isPending ? (
        <Loading />
      ) : found.isError ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : count === 0 && !all?.next ? (
        <Empty icon="search" title={t.none(q)} />
      ) : (
        <div
          className="results"
          role="presentation"
          onKeyDown={(event) => {
            const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (!step) return;
            event.preventDefault();
            const list = [...document.querySelectorAll<HTMLElement>('.result')];
            const next = list.indexOf(document.activeElement as HTMLElement) + step;
            if (next < 0) input.current?.focus();
            else list[next]?.focus();
          }}
        >
          <Group title={t.customers} show={!!all?.customers?.length}>
            {all?.customers?.map((one) => (
              <Link key={one.customerCode} className="result" to="/customers/$code" params={{ code: one.customerCode }}>
                <strong><Marked text={one.customerName} words={q} /></strong>
                <span className="muted">{[one.customerCode, one.customerMobile ?? one.customerPhone].filter(Boolean).join(' · ')}</span>
              </Link>
            ))}
          </Group>
          {all?.documents?.map((kind) => (
            <Group key={kind.of} title={words('core').nav[kind.of]} show={kind.rows.length > 0}>
              {kind.rows.map((one) => (
                <Link key={one.id} className="result" to={`/${kind.of}/${encodeURIComponent(one.id)}` as never}>
                  <strong><Marked text={one.name || one.number} words={q} /></strong>
                  <span className="muted">{[one.number, one.customer].filter(Boolean).join(' · ')}</span>
                </Link>
              ))}
            </Group>
          ))}
          <Group title={t.rooms} show={!!all?.rooms?.length}>
            {all?.rooms?.map((one) => (
              <Link key={one.id} className="result" to="/inbox" search={{ room: one.id, view: 'open' }}>
                <strong><Marked text={one.name} words={q} /></strong>
                <span className="muted line">{oneLine(one.last?.content ?? '')}</span>
              </Link>
            ))}
          </Group>
          <Group title={t.messages} show={!!all?.messages?.length}>
            {all?.messages?.map((one) => (
              <Link key={one.id} className="result" to="/inbox" search={{ room: one.roomId, at: one.id, view: 'open' }}>
                <span><Marked text={oneLine(one.content)} words={q} /></span>
                <span className="muted">{`${one.roomName} · ${formatBrief(one.timestamp)}`}</span>
              </Link>
            ))}
          </Group>
          {all?.next && (
            <div className="bar">
              <Button onClick={() => void goOn()}>{t.older}</Button>
              {all.searchedTo && <span className="muted small">{t.searchedTo(formatBrief(all.searchedTo))}</span>}
            </div>
          )}
          <Group title={t.products} show={!!all?.products?.length}>
            {all?.products?.map((one) => (
              <Link key={one.productCode} className="result" to={`/products/${encodeURIComponent(one.productCode)}` as never}>
                <strong><Marked text={one.name} words={q} /></strong>
                <span className="muted">{one.productCode}</span>
              </Link>
            ))}
          </Group>
        </div>
      )}
    </div>
  );
}

function Group({ title, show, children }: { title: string; show: boolean; children: ReactNode }) {
  if (!show) return null;
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

const graphemes = new Intl.Segmenter('th', { granularity: 'grapheme' });

/** A text with what was searched for marked, never within a letter and its marks. */
function Marked({ text, words: sought }: { text: string; words: string }) {
  const needle = fold(sought.trim());
  const letters = [...graphemes.segment(text)].map((part) => part.segment);
  const folded = letters.map(fold);
  const whole = folded.join('');
  const at = needle ? whole.indexOf(needle) : -1;
  if (at < 0) return text;
  let position = 0;
  let from = letters.length;
  let to = letters.length;
  folded.forEach((letter, index) => {
    if (position <= at && at < position + letter.length) from = index;
    position += letter.length;
    if (to === letters.length && position >= at + needle.length) to = index + 1;
  });
  const start = Math.max(0, from - 60);
  return (
    <>
      {(start > 0 ? '…' : '') + letters.slice(start, from).join('')}
      <mark>{letters.slice(from, to).join('')}</mark>
      {letters.slice(to, to + 160).join('')}
    </>
  );
}
