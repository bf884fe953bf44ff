import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, Refusal } from '../../api/client';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { attempt } from '../../screen/Ask';
import { useChoices } from '../../screen/choices';
import { Button } from '../../ui/Button';
import { Chooser } from '../../ui/Chooser';
import { toast } from '../../ui/Toast';
import type { Board, Stage } from './fields';

/** What a move needs to know of a stage. */
type To = Pick<Stage, 'dealStageId' | 'dealStageName'>;

/** The stages that a deal can be moved to. */
export function StageChooser<S extends To>({ stages, onChoose, onClose }: { stages: readonly S[]; onChoose(stage: S): void; onClose(): void }) {
  const t = words('work').deal;
  return (
    <Chooser
      title={t.moveTo}
      placeholder={t.moveTo}
      none={words('core').list.none}
      options={stages.map((stage) => ({ id: String(stage.dealStageId), label: stage.dealStageName }))}
      onClose={onClose}
      onChoose={(option) => {
        const stage = stages.find((one) => String(one.dealStageId) === option.id);
        if (stage) onChoose(stage);
      }}
    />
  );
}

/** Why a deal was missed. */
export function WhyChooser({ onChoose, onClose }: { onChoose(reason: number): void; onClose(): void }) {
  const t = words('work').deal;
  const reasons = useChoices('missed-reasons');
  return <Chooser title={t.why} placeholder={t.why} none={words('core').list.none} options={reasons.map((one) => ({ id: String(one.id), label: one.label }))} onClose={onClose} onChoose={(option) => onChoose(Number(option.id))} />;
}

/** True when the server moves a deal only with the reason why it was missed. */
export const asksWhy = (error: unknown): boolean => error instanceof Refusal && error.faults.some((fault) => fault.field === 'reasonCategoryId');

/** Moves a deal. */
export const moveDeal = (id: number | string, stage: To, reason?: number) =>
  call('POST', `/v1/deals/${id}/move`, { body: { dealStageId: stage.dealStageId, ...(reason ? { reasonCategoryId: reason } : {}) } });

/** "Move to…" of a deal on its own page: along its board, or to won or missed. */
export function Move({ id, board, at, again }: { id: number; board: number; at: To; again(): void }) {
  const t = words('work').deal;
  const cache = useQueryClient();
  const [stages, setStages] = useState<readonly To[] | null>(null);
  const [missing, setMissing] = useState<To | null>(null);
  const ask = () => void attempt(call<Board>('GET', `/v1/deals/boards/${board}`, { query: { most: 1 } }).then((found) => setStages(found.stages)));
  async function move(stage: To, reason?: number, undone = false) {
    try {
      await moveDeal(id, stage, reason);
      toast(t.moved(stage.dealStageName), undone ? {} : { undo: () => void move(at, undefined, true) });
    } catch (error) {
      if (asksWhy(error)) setMissing(stage);
      else toast(say(error), { bad: true });
    }
    await cache.invalidateQueries({ queryKey: ['deal'] });
    again();
  }
  return (
    <>
      <Button onClick={ask}>{t.moveTo}</Button>
      {stages && (
        <StageChooser
          stages={stages.filter((stage) => stage.dealStageId !== at.dealStageId)}
          onClose={() => setStages(null)}
          onChoose={(stage) => {
            setStages(null);
            void move(stage);
          }}
        />
      )}
      {missing && (
        <WhyChooser
          onClose={() => setMissing(null)}
          onChoose={(reason) => {
            setMissing(null);
            void move(missing, reason);
          }}
        />
      )}
    </>
  );
}
