import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { call, may, Refusal } from '../../api/client';
import { say } from '../../api/words';
import { useCommands } from '../../keys';
import { words } from '../../i18n';
import { formatBrief, formatDay, formatMoney } from '../../i18n/format';
import { useChoices } from '../../screen/choices';
import { ListScreen, type Asked } from '../../screen/List';
import { enquire } from '../../screen/resource';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Chooser } from '../../ui/Chooser';
import { Empty, Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';
import type { Board, Card, Stage } from './fields';

interface Row extends Card {
  dealStageName?: string;
  statusId?: number;
  dateModified?: string;
}

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
  const found = useQuery({ queryKey: ['deal', 'board', chosen, asked['q']], queryFn: () => call<Board>('GET', `/v1/deals/boards/${chosen}`, { query: { keyword: asked['q'], most: 500 } }), enabled: chosen !== '' });
  const [at, setAt] = useState<number | null>(null);
  const [missing, setMissing] = useState<{ card: Card; stage: Stage } | null>(null);
  const [moving, setMoving] = useState<Card | null>(null);
  const [typed, setTyped] = useState(asked['q'] ?? '');
  const reasons = useChoices(missing ? 'missed-reasons' : undefined);
  const can = may('deal:write');
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);

  const stages = found.data?.stages ?? [];
  const where = (() => {
    for (const [column, stage] of stages.entries()) {
      const row = stage.deals.findIndex((card) => card.dealsId === at);
      if (row >= 0) return { column, row };
    }
    return null;
  })();
  const focus = (card: Card | undefined) => {
    if (!card) return;
    setAt(card.dealsId);
    document.getElementById(`deal-${card.dealsId}`)?.focus();
  };
  const aside = (by: number) => {
    for (let column = (where?.column ?? -by) + by; column >= 0 && column < stages.length; column += by) {
      const deals = stages[column]?.deals ?? [];
      if (deals.length) return focus(deals[Math.min(where?.row ?? 0, deals.length - 1)]);
    }
  };
  const along = (by: number) => focus(where ? stages[where.column]?.deals[where.row + by] : stages.find((stage) => stage.deals.length)?.deals[0]);

  async function move(card: Card, stage: Stage, reasonCategoryId?: number, undone = false) {
    const before = stages.find((one) => one.deals.includes(card));
    try {
      await call('POST', `/v1/deals/${card.dealsId}/move`, { body: { dealStageId: stage.dealStageId, ...(reasonCategoryId ? { reasonCategoryId } : {}) } });
      await cache.invalidateQueries({ queryKey: ['deal'] });
      toast(t.moved(stage.dealStageName), before && !undone ? { undo: () => void move(card, before, undefined, true) } : {});
      requestAnimationFrame(() => document.getElementById(`deal-${card.dealsId}`)?.focus());
    } catch (error) {
      if (error instanceof Refusal && error.faults.some((fault) => fault.field === 'reasonCategoryId')) setMissing({ card, stage });
      else toast(say(error), { bad: true });
    }
  }
  const shift = (by: number) => {
    if (!where || !can) return;
    const card = stages[where.column]?.deals[where.row];
    const stage = stages[where.column + by];
    if (card && stage) void move(card, stage);
  };
  useCommands([
    { id: 'deal.down', label: t.down, group: t.title, keys: ['j', 'ArrowDown'], quiet: true, run: () => along(1) },
    { id: 'deal.up', label: t.up, group: t.title, keys: ['k', 'ArrowUp'], quiet: true, run: () => along(-1) },
    { id: 'deal.columnLeft', label: t.columnLeft, group: t.title, keys: ['ArrowLeft'], quiet: true, run: () => aside(-1) },
    { id: 'deal.columnRight', label: t.columnRight, group: t.title, keys: ['ArrowRight'], quiet: true, run: () => aside(1) },
    { id: 'deal.left', label: t.left, group: t.title, keys: ['Shift+ArrowLeft'], quiet: true, run: () => shift(-1) },
    { id: 'deal.right', label: t.right, group: t.title, keys: ['Shift+ArrowRight'], quiet: true, run: () => shift(1) },
    { id: 'deal.move', label: t.moveTo, group: t.title, keys: ['m'], run: () => { const card = where ? stages[where.column]?.deals[where.row] : undefined; if (card && can) setMoving(card); } },
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
          <span className="hint">{t.hint}</span>
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
                const card = stages.flatMap((one) => one.deals).find((one) => one.dealsId === id);
                if (card && !stage.deals.includes(card)) void move(card, stage);
              }}
            >
              <header className="board-head">
                <h2 className="line">{stage.dealStageName}</h2>
                <span className="muted">{formatMoney(stage.value)}</span>
              </header>
              <p className="small muted">{t.count(stage.count)}</p>
              {stage.deals.map((card) => (
                <Link
                  key={card.dealsId}
                  id={`deal-${card.dealsId}`}
                  to={`/deals/${card.dealsId}` as never}
                  className={card.dealsId === at ? 'board-card at' : 'board-card'}
                  draggable={can}
                  onFocus={() => setAt(card.dealsId)}
                  onDragStart={(event) => event.dataTransfer.setData('text/plain', String(card.dealsId))}
                >
                  <strong>{card.dealsName}</strong>
                  <span className="small">{card.customerName}</span>
                  <span className="row small muted"><span className="grow">{formatMoney(card.dealsValue)}</span>{card.expectedCloseDate && <span>{formatBrief(card.expectedCloseDate)}</span>}</span>
                  <span className="row small muted"><span className="grow line">{card.assignToName}</span><span>{`${card.probability} %`}</span></span>
                  {card.labels.length > 0 && <span className="row wrap">{card.labels.map((one) => <span key={one} className="chip">{one}</span>)}</span>}
                </Link>
              ))}
            </section>
          ))}
        </div>
      )}
      {moving && (
        <Chooser
          title={t.moveTo}
          placeholder={t.moveTo}
          none={core.list.none}
          options={stages.map((stage) => ({ id: String(stage.dealStageId), label: stage.dealStageName }))}
          onClose={() => setMoving(null)}
          onChoose={(option) => {
            const stage = stages.find((one) => String(one.dealStageId) === option.id);
            setMoving(null);
            if (stage) void move(moving, stage);
          }}
        />
      )}
      {missing && (
        <Chooser
          title={t.why}
          placeholder={t.why}
          none={core.list.none}
          options={reasons.map((one) => ({ id: String(one.id), label: one.label }))}
          onClose={() => setMissing(null)}
          onChoose={(option) => {
            setMissing(null);
            void move(missing.card, missing.stage, Number(option.id));
          }}
        />
      )}
    </div>
  );
}
