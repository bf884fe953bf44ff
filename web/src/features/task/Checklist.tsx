import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import { call, Refusal } from '../../api/client';
import { say } from '../../api/words';
import { composing } from '../../keys';
import { words } from '../../i18n';
import { read } from '../../screen/resource';
import type { Held } from '../../screen/Record';
import { Button, IconButton } from '../../ui/Button';
import { toast } from '../../ui/Toast';
import { useUnsaved } from '../../unsaved';
import { TASK } from './fields';

interface Step {
  text: string;
  isDone: boolean;
}

/** Steps at most in a task, and characters at most in a step, as the server takes them. */
const MOST = 100;
const LONGEST = 500;

/** The steps of a task: each is ticked, renamed in place, moved and taken out; what is changed is saved at once. */
export function Checklist({ no, can }: { no: string; can: boolean }) {
  const t = words('work').task;
  const cache = useQueryClient();
  const found = useQuery({ queryKey: ['task', no], queryFn: () => read(TASK, no) });
  // What is on its way to the server is shown before it is there.
  const [ahead, setAhead] = useState<readonly Step[] | null>(null);
  const [fresh, setFresh] = useState('');
  const list = useRef<HTMLUListElement>(null);
  const adding = useRef<HTMLInputElement>(null);
  const line = useRef(Promise.resolve());
  const waiting = useRef(0);
  /** How often something was refused: what was built upon it is not sent any more. */
  const refused = useRef(0);
  useUnsaved(fresh.trim() !== '');
  const steps = ahead ?? (found.data?.values['checklist'] as Step[] | undefined) ?? [];
  // Two changes may come before anything is drawn anew: a step that is renamed by moving it.
  const latest = useRef(steps);
  useLayoutEffect(() => {
    latest.current = steps;
  });
  const done = steps.filter((step) => step.isDone).length;

  function change(by: (now: readonly Step[]) => readonly Step[]) {
    const next = by(latest.current);
    latest.current = next;
    setAhead(next);
    waiting.current += 1;
    const since = refused.current;
    // One after the other, each under the version that the one before left.
    line.current = line.current.then(async () => {
      try {
        if (since !== refused.current) return void (waiting.current -= 1);
        const version = cache.getQueryData<Held>(['task', no])?.version;
        await call('POST', TASK.path, { body: { taskNo: no, checklist: next }, ...(version ? { match: version } : {}) });
      } catch (error) {
        refused.current += 1;
        setAhead(null);
        toast(error instanceof Refusal && error.status === 412 ? words('record').changed : say(error), { bad: true });
      }
      await cache.fetchQuery({ queryKey: ['task', no], queryFn: () => read(TASK, no), staleTime: 0 }).catch(() => null);
      waiting.current -= 1;
      if (waiting.current > 0) return;
      setAhead(null);
      void cache.invalidateQueries({ queryKey: ['task'], refetchType: 'none' });
      void cache.invalidateQueries({ queryKey: ['audit'] });
    });
  }
  const inputAt = (index: number) => requestAnimationFrame(() => (list.current?.querySelectorAll<HTMLElement>('[data-step]')[index] ?? adding.current)?.focus());
  function move(index: number, by: number, button?: string) {
    const to = index + by;
    if (to < 0 || to >= steps.length) return;
    change((now) => {
      const next = [...now];
      const [taken] = next.splice(index, 1);
      if (taken) next.splice(to, 0, taken);
      return next;
    });
    // The focus goes along with the step.
    if (button) requestAnimationFrame(() => list.current?.children[to]?.querySelector<HTMLElement>(button)?.focus());
    else inputAt(to);
  }
  function drop(index: number) {
    const before = steps;
    change((now) => now.filter((_, at) => at !== index));
    toast(t.stepGone(before[index]?.text ?? ''), { undo: () => change(() => before) });
    inputAt(Math.min(index, steps.length - 2));
  }
  function add() {
    const lines = fresh.split('\n').map((one) => one.trim()).filter(Boolean);
    if (lines.length === 0) return;
    change((now) => [...now, ...lines.map((text) => ({ text: text.slice(0, LONGEST), isDone: false }))].slice(0, MOST));
    setFresh('');
    adding.current?.focus();
  }

  if (!can && steps.length === 0) return null;
  return (
    <section className="card" aria-label={t.checklist}>
      <div className="bar">
        <h2 className="grow">{t.checklist}</h2>
        {steps.length > 0 && <span className="muted small" role="status">{t.stepsDone(done, steps.length)}</span>}
      </div>
      {steps.length === 0 && <p className="muted">{t.noStep}</p>}
      <ul ref={list} className="steps" aria-label={t.checklist}>
        {steps.map((step, index) => (
          <li key={index} className={step.isDone ? 'done' : undefined}>
            <input type="checkbox" aria-label={`${t.done}: ${step.text}`} checked={step.isDone} disabled={!can} onChange={() => change((now) => now.map((one, at) => (at === index ? { ...one, isDone: !one.isDone } : one)))} />
            {can ? (
              <StepText step={step} label={t.step(index + 1)} rename={(text) => change((now) => now.map((one, at) => (at === index ? { ...one, text } : one)))} move={(by) => move(index, by)} next={() => inputAt(index + 1)} />
            ) : (
              <span className="grow">{step.text}</span>
            )}
            {can && (
              <span className="row">
                <IconButton icon="down" className="step-up upside" label={`${t.stepUp}: ${step.text}`} disabled={index === 0} onClick={() => move(index, -1, index === 1 ? '.step-down' : '.step-up')} />
                <IconButton icon="down" className="step-down" label={`${t.stepDown}: ${step.text}`} disabled={index === steps.length - 1} onClick={() => move(index, 1, index === steps.length - 2 ? '.step-up' : '.step-down')} />
                <IconButton icon="close" className="step-gone" label={t.stepRemove(step.text)} onClick={() => drop(index)} />
              </span>
            )}
          </li>
        ))}
      </ul>
      {can && steps.length < MOST && (
        <form className="row" onSubmit={(event) => { event.preventDefault(); add(); }}>
          <input ref={adding} className="input grow" aria-label={t.stepAdd} placeholder={t.stepAdd} maxLength={LONGEST} value={fresh} onChange={(event) => setFresh(event.target.value)} onPaste={(event) => {
            // A list that is pasted becomes a step for each line.
            const text = event.clipboardData.getData('text/plain');
            const lines = text.split(/\r?\n/).map((one) => one.replace(/^\s*(?:[-*•]|\d+[.)])\s+/, '').trim()).filter(Boolean);
            if (lines.length < 2) return;
            event.preventDefault();
            change((now) => [...now, ...lines.map((one) => ({ text: one.slice(0, LONGEST), isDone: false }))].slice(0, MOST));
          }} />
          <Button type="submit" icon="plus" disabled={fresh.trim() === ''}>{t.stepAddAct}</Button>
        </form>
      )}
      {can && steps.length > 1 && <p className="hint keys-only">{t.stepHint}</p>}
    </section>
  );
}

/** The words of a step, renamed in place: Enter and leaving save, Escape gives up. */
function StepText({ step, label, rename, move, next }: { step: Step; label: string; rename(text: string): void; move(by: number): void; next(): void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? step.text;
  useUnsaved(typed !== null && typed.trim() !== step.text);
  function settle() {
    const wanted = typed?.trim();
    setTyped(null);
    if (wanted && wanted !== step.text) rename(wanted);
  }
  function onKey(event: KeyboardEvent<HTMLInputElement>) {
    if (composing(event.nativeEvent)) return;
    if (event.key === 'Enter') {
      event.preventDefault();
      settle();
      next();
    } else if (event.key === 'Escape' && typed !== null) {
      event.preventDefault();
      event.stopPropagation();
      setTyped(null);
    } else if ((event.ctrlKey || event.metaKey) && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      settle();
      move(event.key === 'ArrowUp' ? -1 : 1);
    }
  }
  return <input data-step className="grow step-text" aria-label={label} maxLength={LONGEST} value={text} onChange={(event) => setTyped(event.target.value)} onBlur={settle} onKeyDown={onKey} />;
}
