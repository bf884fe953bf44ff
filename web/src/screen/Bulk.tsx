import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { say } from '../api/words';
import { useCommands } from '../keys';
import { words } from '../i18n';
import { formatNumber } from '../i18n/format';
import { Button } from '../ui/Button';
import type { Option } from '../ui/Chooser';
import { Dialog } from '../ui/Dialog';
import { toast } from '../ui/Toast';
import { each, MOST, type Outcome } from './bulk';
import { PickDialog, type Picker } from './Pick';

/** Takes back what was done to one row. */
export type Undo = () => Promise<unknown>;

/** Something that can be done to several rows. */
export interface BulkAct<T> {
  id: string;
  label: string;
  keys?: readonly string[];
  look?: 'plain' | 'danger';
  /** What has to be chosen first: to whom, which label. */
  picker?: Picker;
  /** The rows that it changes; the others are left out. */
  fits?(row: T, picked: Option | null): boolean;
  /** The question: `Close 3 cases?` */
  sure(count: number, picked: string): string;
  text?: string;
  /** Does it to one row; answers how that is taken back, where it can be. */
  run(row: T, picked: Option | null): Promise<Undo | null>;
}

interface Props<T> {
  kind: string;
  group: string;
  acts: readonly BulkAct<T>[];
  chosen: readonly T[];
  titleOf(row: T): string;
  /** What stays chosen. */
  keep(rows: readonly T[]): void;
}

interface Begun<T> {
  act: BulkAct<T>;
  picked: Option | null;
  rows: readonly T[];
  /** How many of the chosen ones stay as they are. */
  left: number;
}

/** The bar over a list in which rows are chosen: how many, and what can be done with them. */
export function BulkBar<T>({ kind, group, acts, chosen, titleOf, keep }: Props<T>) {
  const t = words('core');
  const [picking, setPicking] = useState<BulkAct<T> | null>(null);
  const [begun, setBegun] = useState<Begun<T> | null>(null);
  const begin = (act: BulkAct<T>, picked: Option | null) => {
    setPicking(null);
    const rows = chosen.filter((row) => act.fits?.(row, picked) ?? true);
    if (rows.length) setBegun({ act, picked, rows, left: chosen.length - rows.length });
    else toast(t.bulk.noneFits);
  };
  const start = (act: BulkAct<T>) => {
    if (act.picker) setPicking(act);
    else begin(act, null);
  };
  const isChosen = chosen.length > 0;
  useCommands(!isChosen ? [] : [
    ...acts.map((act) => ({ id: `${kind}.bulk.${act.id}`, label: act.label, group, keys: act.keys ?? [], run: () => start(act) })),
    { id: `${kind}.bulk.clear`, label: t.bulk.clear, group, keys: ['Escape'], run: () => keep([]) },
  ]);
  // What failed is told even when its rows are not in the list any more.
  return (
    <>
      {isChosen && (
        <section className="bar bulk-bar" aria-label={t.bulk.label}>
          <strong role="status">{t.list.selected(chosen.length)}</strong>
          {acts.map((act) => <Button key={act.id} look={act.look ?? 'plain'} {...(act.keys?.[0] ? { keys: act.keys[0] } : {})} onClick={() => start(act)}>{act.label}</Button>)}
          <Button look="quiet" keys="Escape" onClick={() => keep([])}>{t.bulk.clear}</Button>
        </section>
      )}
      {picking?.picker && <PickDialog picker={picking.picker} onClose={() => setPicking(null)} onChoose={(option) => begin(picking, option)} />}
      {begun && <Run kind={kind} begun={begun} titleOf={titleOf} keep={keep} onClose={() => setBegun(null)} />}
    </>
  );
}

/** Asks, does it, and says of which rows it failed, and why. */
function Run<T>({ kind, begun, titleOf, keep, onClose }: { kind: string; begun: Begun<T>; titleOf(row: T): string; keep(rows: readonly T[]): void; onClose(): void }) {
  const t = words('core');
  const { act, picked, rows, left } = begun;
  // What was still to be chosen is chosen.
  const plain = act.label.replace('…', '');
  const cache = useQueryClient();
  const [through, setThrough] = useState<number | null>(null);
  const [outcome, setOutcome] = useState<Outcome<T, Undo | null> | null>(null);
  const stopped = useRef(false);
  const again = () => Promise.all([cache.invalidateQueries({ queryKey: [kind] }), cache.invalidateQueries({ queryKey: ['audit'] })]);
  async function back(undos: readonly (readonly [T, Undo])[]) {
    const undone = await each(undos, ([, undo]) => undo());
    await again();
    if (undone.failed.length) toast(t.bulk.undoFailed(undone.failed.length, say(undone.failed[0]?.[1])), { bad: true });
    else toast(t.bulk.undone(undone.done.length));
  }
  async function go() {
    setThrough(0);
    const result = await each(rows, (row) => act.run(row, picked), setThrough, () => stopped.current);
    await again();
    keep([...result.failed.map(([row]) => row), ...result.left]);
    const undos = result.done.flatMap(([row, undo]) => (undo ? [[row, undo] as const] : []));
    if (result.done.length) toast(t.bulk.done(plain, result.done.length), undos.length ? { undo: () => void back(undos) } : {});
    if (result.failed.length) setOutcome(result);
    else onClose();
  }
  const isBusy = through !== null && outcome === null;
  const close = () => {
    // What has begun ends; nothing new begins. The answers are told when they are there.
    if (isBusy) stopped.current = true;
    else onClose();
  };
  return (
    <Dialog title={outcome ? t.bulk.failed(outcome.failed.length) : act.sure(rows.length, picked?.label ?? '')} onClose={close}>
      <div className="dialog-content">
        {outcome ? (
          <>
            <ul className="bulk-faults">
              {outcome.failed.map(([row, error], at) => <li key={at}><strong>{titleOf(row)}</strong>{` ${say(error)}`}</li>)}
            </ul>
            <p className="muted">{t.bulk.kept}</p>
          </>
        ) : (
          <>
            {act.text && <p>{act.text}</p>}
            <p className="muted">{[...rows.slice(0, 5).map(titleOf), ...(rows.length > 5 ? [t.bulk.more(rows.length - 5)] : [])].join(' · ')}</p>
            {left > 0 && <p className="notice">{t.bulk.left(left)}</p>}
          </>
        )}
        {isBusy && (
          <>
            <progress max={rows.length} value={through} aria-label={plain} />
            <p role="status">{t.bulk.through(formatNumber(through), formatNumber(rows.length))}</p>
          </>
        )}
        <div className="dialog-foot">
          {outcome ? (
            <Button look="main" autoFocus onClick={onClose}>{t.act.close}</Button>
          ) : (
            <>
              <Button onClick={close}>{isBusy ? t.bulk.stop : t.act.back}</Button>
              <Button look={act.look === 'danger' ? 'danger' : 'main'} autoFocus busy={isBusy} onClick={() => void go()}>{plain}</Button>
            </>
          )}
        </div>
      </div>
    </Dialog>
  );
}

export { MOST };
