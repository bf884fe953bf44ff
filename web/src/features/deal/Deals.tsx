import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { call, may } from '../../api/client';
import { say } from '../../api/words';
import { useCommands } from '../../keys';
import { words } from '../../i18n';
import { formatBrief, formatDay, formatMoney } from '../../i18n/format';
import { useChoices } from '../../screen/choices';
import { ListScreen, type Asked } from '../../screen/List';
import { enquire } from '../../screen/resource';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Empty, Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';
import type { Board, Card, Stage } from './fields';
import { asksWhy, moveDeal, StageChooser, WhyChooser } from './Move';

interface Row extends Card {
  dealStageName?: string;
  statusId?: number;
  dateModified?: string;
  dateClosed?: string | null;
}

/** How many closed deals stand in their column; the list has them all. */
const SHOWN = 20;
const STATUS: Record<string, number> = { won: 2, missed: 3 };

/** Deals: a board, or the same as a list. */
export function Deals() {
  const asked = useSearch({ strict: false }) as Asked;
  return asked['as'] === 'list' ? <DealList /> : <DealBoard asked={asked} />;
}

function Switch({ list }: { list: boolean }) {
  const t = words('work').deal;
  const navigate = useNavigate();
  return <Button onClick={() => void navigate({ to: '/deals', search: (list ? {} : { as: 'list' }) as never })}>{list ? t.asBoard : t.asList}</Button>;
}

function DealList() {
  const t = words('work').deal;
  return (
    <ListScreen<Row>
      title={t.title}
      icon="deal"
      at="/deals"
      kind="deal"
      empty={t.empty}
      acts={<Switch list />}
      create={may('deal:write') ? { label: t.create, to: '/deals/new' } : undefined}
      filters={[{ id: 'status', label: t.status, options: Object.entries(t.statuses).map(([value, label]) => ({ value, label })) }]}
      idOf={(row) => String(row.dealsId)}
      linkOf={(row) => `/deals/${row.dealsId}`}
      fetch={async (asked, next, signal) => {
        const skip = Number(next ?? 0);
        const page = await enquire<Row>('/v1/deals/enquiry', { keyword: asked['q'], orderBy: asked['sort'], statusIds: asked['status'] ? [Number(asked['status'])] : undefined, take: 50, skip }, null, signal);
        return { ...page, next: page.rows.length === 50 ? String(skip + 50) : null };
      }}
      columns={[
        { id: 'name', label: t.name, show: (row) => row.dealsName, sort: ['dealsName', '-dealsName'] },
        { id: 'customer', label: t.customer, show: (row) => row.customerName, wide: true },
        { id: 'stage', label: t.stage, show: (row) => <span className={`chip ${row.statusId === 2 ? 'good' : row.statusId === 3 ? 'bad' : 'info'}`}>{row.dealStageName ?? t.statuses[row.statusId ?? 1]}</span> },
        { id: 'value', label: t.value, show: (row) => formatMoney(row.dealsValue), number: true, sort: ['dealsValue', '-dealsValue'] },
        { id: 'expected', label: t.expected, show: (row) => (row.expectedCloseDate ? formatDay(row.expectedCloseDate) : ''), wide: true, sort: ['expectedCloseDate', '-expectedCloseDate'] },
        { id: 'assignee', label: t.assignee, show: (row) => row.assignToName, wide: true },
      ]}
    />
  );
}

function DealBoard({ asked }: { asked: Asked }) {
  const t = words('work').deal;
  const core = words('core');
  const navigate = useNavigate();
  const cache = useQueryClient();
  const boards = useChoices('boards');
  const chosen = asked['board'] ?? String(boards.find((one) => one.isActive)?.id ?? '');
  const key = ['deal', 'board', chosen, asked['q']];
  const found = useQuery({ queryKey: key, queryFn: () => call<Board>('GET', `/v1/deals/boards/${chosen}`, { query: { keyword: asked['q'], most: 500 } }), enabled: chosen !== '' });
  const [at, setAt] = useState<number | null>(null);
  const [missing, setMissing] = useState<{ card: Card; stage: Stage } | null>(null);
  const [moving, setMoving] = useState<Card | null>(null);
  const [typed, setTyped] = useState(asked['q'] ?? '');
  const can = may('deal:write');
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);

  const stages = found.data?.stages ?? [];
  // The board has open deals only; those that were closed lately stand in the columns of their kind.
  const ends = stages.filter((stage) => stage.kind !== 'open');
  const [month] = useState(() => new Date(Date.now() - 30 * 86_400_000).toLocaleDateString('sv'));
  const closed = useQueries({
    queries: ends.map((stage) => ({
      queryKey: ['deal', 'closed', stage.dealStageId, asked['q']],
      queryFn: ({ signal }: { signal: AbortSignal }) => enquire<Row>('/v1/deals/enquiry', { boardId: Number(chosen), statusIds: [STATUS[stage.kind]], keyword: asked['q'], dateClosedFrom: month, orderBy: 'dateModified', take: SHOWN }, null, signal),
    })),
  });
  const cardsOf = (stage: Stage): readonly Card[] => (stage.kind === 'open' ? stage.deals : closed[ends.indexOf(stage)]?.data?.rows ?? []);
  const where = (() => {
    for (const [column, stage] of stages.entries()) {
      const row = cardsOf(stage).findIndex((card) => card.dealsId === at);
      if (row >= 0) return { column, row };
    }
    return null;
  })();
  // A card that moves is made anew in its new column: the focus goes there with it, however often that happens.
  const holding = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (holding.current === null || (document.activeElement && document.activeElement !== document.body)) return;
    document.getElementById(`deal-${holding.current}`)?.focus();
  });
  const focus = (card: Card | undefined) => {
    if (!card) return;
    setAt(card.dealsId);
    document.getElementById(`deal-${card.dealsId}`)?.focus();
  };
  const aside = (by: number) => {
    for (let column = (where?.column ?? -by) + by; column >= 0 && column < stages.length; column += by) {
      const stage = stages[column];
      const deals = stage ? cardsOf(stage) : [];
      if (deals.length) return focus(deals[Math.min(where?.row ?? 0, deals.length - 1)]);
    }
  };
  const current = where && stages[where.column];
  const card = current && cardsOf(current)[where.row];
  const along = (by: number) => focus(where && current ? cardsOf(current)[where.row + by] : stages.find((stage) => stage.deals.length)?.deals[0]);

  const line = useRef(Promise.resolve());
  const moves = useRef(0);
  function move(card: Card, stage: Stage, reasonCategoryId?: number, undone = false) {
    const isHere = (one: Stage) => one.deals.some((other) => other.dealsId === card.dealsId);
    const before = cache.getQueryData<Board>(key)?.stages.find(isHere) ?? stages.find((one) => cardsOf(one).some((other) => other.dealsId === card.dealsId));
    if (document.activeElement?.id === `deal-${card.dealsId}`) holding.current = card.dealsId;
    // Shown at once; what the columns are worth is the server's to say. A stage that closes a deal may ask why first.
    if (stage.kind === 'open')
      cache.setQueryData<Board>(key, (board) => board && { ...board, stages: board.stages.map((one) => {
        const deals = one.deals.filter((other) => other.dealsId !== card.dealsId);
        return one.dealStageId === stage.dealStageId ? { ...one, deals: [...deals, card] } : { ...one, deals };
      }) });
    moves.current += 1;
    line.current = line.current.then(async () => {
      try {
        await moveDeal(card.dealsId, stage, reasonCategoryId);
        toast(t.moved(stage.dealStageName), before && !undone ? { undo: () => move(card, before, undefined, true) } : {});
      } catch (error) {
        if (asksWhy(error)) setMissing({ card, stage });
        else toast(say(error), { bad: true });
      }
      moves.current -= 1;
      // What the server says between two moves is older than the second one.
      if (moves.current === 0) await cache.invalidateQueries({ queryKey: ['deal'] });
    });
  }
  const shift = (by: number) => {
    // As it stands in the cache: a second press may come before the first one is drawn.
    const now = cache.getQueryData<Board>(key)?.stages ?? stages;
    const column = now.findIndex((one) => one.deals.some((other) => other.dealsId === at));
    const stage = now[(column < 0 ? where?.column ?? NaN : column) + by];
    if (can && card && stage) move(card, stage);
  };
  useCommands([
    { id: 'deal.down', label: t.down, group: t.title, keys: ['j', 'ArrowDown'], quiet: true, run: () => along(1) },
    { id: 'deal.up', label: t.up, group: t.title, keys: ['k', 'ArrowUp'], quiet: true, run: () => along(-1) },
    { id: 'deal.columnLeft', label: t.columnLeft, group: t.title, keys: ['ArrowLeft'], quiet: true, run: () => aside(-1) },
    { id: 'deal.columnRight', label: t.columnRight, group: t.title, keys: ['ArrowRight'], quiet: true, run: () => aside(1) },
    { id: 'deal.left', label: t.left, group: t.title, keys: ['Shift+ArrowLeft'], quiet: true, run: () => shift(-1) },
    { id: 'deal.right', label: t.right, group: t.title, keys: ['Shift+ArrowRight'], quiet: true, run: () => shift(1) },
    { id: 'deal.move', label: t.moveTo, group: t.title, keys: ['m'], run: () => { if (card && can) setMoving(card); } },
    ...(can ? [{ id: 'deal.create', label: t.create, group: t.title, keys: ['c'], run: () => void navigate({ to: '/deals/$id', params: { id: 'new' } }) }] : []),
  ]);

  return (
    <div className="fill">
      <header className="page-top">
        <div className="page-head">
          <h1>{t.title}</h1>
          <Switch list={false} />
          {can && <Button look="main" icon="plus" keys="c" onClick={() => void navigate({ to: '/deals/$id', params: { id: 'new' } })}>{t.create}</Button>}
        </div>
        <form className="bar" role="search" aria-label={t.title} onSubmit={(event) => { event.preventDefault(); void navigate({ to: '/deals', search: { ...asked, q: typed.trim() || undefined } as never }); }}>
          <input type="search" className="input filter-words" aria-label={core.list.keyword} placeholder={core.list.keyword} value={typed} onChange={(event) => setTyped(event.target.value)} />
          {boards.length > 1 && (
            <select className="input filter-choice" aria-label={t.board} value={chosen} onChange={(event) => void navigate({ to: '/deals', search: { ...asked, board: event.target.value } as never })}>
              {boards.map((one) => <option key={one.id} value={one.id}>{one.label}</option>)}
            </select>
          )}
          <span className="hint keys-only">{t.hint}</span>
        </form>
      </header>
      {found.isError ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : found.isPending && chosen ? (
        <Loading />
      ) : stages.length === 0 ? (
        <Empty icon="deal" title={t.empty} />
      ) : (
        <div className="board" tabIndex={0} role="region" aria-label={t.board}>
          {stages.map((stage) => (
            <section
              key={stage.dealStageId}
              className="board-column"
              aria-label={stage.dealStageName}
              onDragOver={(event) => event.preventDefault()}
              onDrop={(event) => {
                event.preventDefault();
                const id = Number(event.dataTransfer.getData('text/plain'));
                const dropped = stages.flatMap(cardsOf).find((one) => one.dealsId === id);
                if (dropped && !cardsOf(stage).includes(dropped)) move(dropped, stage);
              }}
            >
              <header className="board-head">
                <h2 className="line">{stage.dealStageName}</h2>
                <span className="muted">{formatMoney(stage.value)}</span>
              </header>
              <p className="small muted">{stage.kind === 'open' ? t.count(stage.count) : `${t.count(stage.count)} · ${t.closedRecent}`}</p>
              {stage.kind !== 'open' && <Link className="small" to="/deals" search={{ as: 'list', status: STATUS[stage.kind] } as never}>{t.closedAll(stage.dealStageName)}</Link>}
              {stage.kind !== 'open' && cardsOf(stage).length === 0 && closed[ends.indexOf(stage)]?.isSuccess && <p className="small muted">{t.closedNone}</p>}
              {cardsOf(stage).map((card) => (
                <div key={card.dealsId} className="board-item">
                  <Link
                    id={`deal-${card.dealsId}`}
                    to={`/deals/${card.dealsId}` as never}
                    className={card.dealsId === at ? 'board-card at' : 'board-card'}
                    draggable={can}
                    onFocus={() => { holding.current = card.dealsId; setAt(card.dealsId); }}
                    onBlur={(event) => { if (event.relatedTarget) holding.current = null; }}
                    onDragStart={(event) => event.dataTransfer.setData('text/plain', String(card.dealsId))}
                  >
                    <strong>{card.dealsName}</strong>
                    <span className="small">{card.customerName}</span>
                    <span className="row small muted"><span className="grow">{formatMoney(card.dealsValue)}</span>{stage.kind === 'open' ? card.expectedCloseDate && <span>{formatBrief(card.expectedCloseDate)}</span> : (card as Row).dateClosed && <span>{formatBrief((card as Row).dateClosed ?? '')}</span>}</span>
                    <span className="row small muted"><span className="grow line">{card.assignToName}</span><span>{`${card.probability} %`}</span></span>
                    {stage.kind === 'open' && card.labels.length > 0 && <span className="row wrap">{card.labels.map((one) => <span key={one} className="chip">{one}</span>)}</span>}
                  </Link>
                  {can && <Button look="quiet" aria-label={`${t.moveTo} ${card.dealsName}`} onClick={() => { setAt(card.dealsId); setMoving(card); }}>{t.moveTo}</Button>}
                </div>
              ))}
            </section>
          ))}
        </div>
      )}
      {moving && (
        <StageChooser
          stages={stages.filter((stage) => !cardsOf(stage).some((one) => one.dealsId === moving.dealsId))}
          onClose={() => setMoving(null)}
          onChoose={(stage) => {
            setMoving(null);
            move(moving, stage);
          }}
        />
      )}
      {missing && (
        <WhyChooser
          onClose={() => setMissing(null)}
          onChoose={(reason) => {
            setMissing(null);
            move(missing.card, missing.stage, reason);
          }}
        />
      )}
    </div>
  );
}
