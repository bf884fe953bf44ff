import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { call, may, session } from '../../api/client';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import type { FieldSpec } from '../../screen/Form';
import { PersonName } from '../../screen/names';
import { customerPicker, employeePicker } from '../../screen/Pick';
import { RecordScreen } from '../../screen/Record';
import { read, remove, restore, type Resource } from '../../screen/resource';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Chooser } from '../../ui/Chooser';
import { Check, TextArea } from '../../ui/Field';
import { toast } from '../../ui/Toast';
import { useUnsaved } from '../../unsaved';

const CASE: Resource = { path: '/v1/case', key: 'caseNo' };

/** A day in the form that records have, so many days from today. */
function day(ahead: number): string {
  const date = new Date(Date.now() + ahead * 86_400_000);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}-${String(date.getDate()).padStart(2, '0')}`;
}

/** One case with its comments, or a new one. */
export function CasePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').case;
  const can = may('case:write');
  const fields: FieldSpec[] = [
    { id: 'caseNo', label: t.no, fixed: true },
    { id: 'subject', label: t.subject, required: true, whole: true },
    { id: 'customerCode', label: t.customer, kind: 'pick', picker: customerPicker(t.customer), named: 'customerName' },
    { id: 'categoryId', label: t.category, kind: 'choice', list: 'case-categories', ids: true, named: 'categoryName', required: true },
    { id: 'assignedToUserId', label: t.assignee, kind: 'pick', picker: employeePicker(t.assignee) },
    { id: 'dateCase', label: t.raised, kind: 'date', required: true },
    { id: 'dateDue', label: t.due, kind: 'date', required: true },
    { id: 'note', label: t.note, kind: 'area' },
  ];
  return (
    <RecordScreen
      key={id}
      kind="case"
      kindName={t.one}
      id={id === 'new' ? null : id}
      listAt="/cases"
      fields={fields}
      first={{ caseType: 1, dateCase: day(0), dateDue: day(3), assignedToUserId: session.get()?.user.staffCode ?? null }}
      titleOf={(values) => String(values['subject'])}
      marks={(values) => (
        <>
          <span className="chip">{String(values['caseNo'])}</span>
          <span className="chip info">{t.statuses[Number(values['statusId'])]}</span>
          {values['isBreached'] === true && <span className="chip bad">{t.breached}</span>}
        </>
      )}
      acts={(values, again) => can && <StatusButton no={String(values['caseNo'])} again={again} />}
      read={(key) => read(CASE, key)}
      write={
        can
          ? async (key, changed, version, all) => {
              if (key === null) {
                const made = await call<{ caseNo: string }>('POST', CASE.path, { body: { caseType: all['caseType'], ...changed }, key: crypto.randomUUID() });
                return made.caseNo;
              }
              await call('PUT', `${CASE.path}/${encodeURIComponent(key)}`, { body: changed, ...(version ? { match: version } : {}) });
              return key;
            }
          : undefined
      }
      remove={can ? (key, version) => remove(CASE, key, version) : undefined}
      restore={(key) => restore(CASE, key)}
      audit={(values) => `case/${String(values['caseNo'])}`}
      below={(values) => <Comments no={String(values['caseNo'])} />}
    />
  );
}

function StatusButton({ no, again }: { no: string; again(): void }) {
  const t = words('work').case;
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t.setStatus}</Button>
      {open && (
        <Chooser
          title={t.setStatus}
          placeholder={t.setStatus}
          none={words('core').list.none}
          options={Object.entries(t.statuses).map(([id, label]) => ({ id, label }))}
          onClose={() => setOpen(false)}
          onChoose={(option) => {
            setOpen(false);
            call('PUT', `${CASE.path}/${encodeURIComponent(no)}/status`, { body: { statusId: Number(option.id) } }).then(again, (error) => toast(say(error), { bad: true }));
          }}
        />
      )}
    </>
  );
}

interface Comment {
  commentId: number;
  comment: string;
  isInternal: boolean;
  createdByUserId: string;
  dateCreated: string;
}

function Comments({ no }: { no: string }) {
  const t = words('work').case;
  const cache = useQueryClient();
  const [text, setText] = useState('');
  const [internal, setInternal] = useState(true);
  useUnsaved(text.trim() !== '');
  const path = `${CASE.path}/${encodeURIComponent(no)}/comments`;
  const list = useQuery({ queryKey: ['case', no, 'comments'], queryFn: () => call<{ value: Comment[] }>('GET', path, { query: { take: 100 } }) });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (!text.trim()) return;
    call('POST', path, { body: { comment: text.trim(), isInternal: internal }, key: crypto.randomUUID() }).then(
      () => {
        setText('');
        void cache.invalidateQueries({ queryKey: ['case', no] });
      },
      (error) => toast(say(error), { bad: true }),
    );
  }
  const comments = [...(list.data?.value ?? [])].reverse();
  return (
    <section className="card" aria-label={t.comments}>
      <h2>{t.comments}</h2>
      {comments.length === 0 ? (
        <p className="muted">{t.noComment}</p>
      ) : (
        <ul className="timeline">
          {comments.map((one) => (
            <li key={one.commentId}>
              <time>{formatTime(one.dateCreated)}</time>
              <div>
                {one.isInternal && <span className="chip warn">{t.internal}</span>}
                <p className="pre">{one.comment}</p>
                <p className="small muted"><PersonName of={one.createdByUserId} /></p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {may('case:write') && (
        <form className="form" onSubmit={submit}>
          <TextArea label={t.comment} value={text} onChange={(event) => setText(event.target.value)} />
          <Check label={t.internal} checked={internal} onChange={(event) => setInternal(event.target.checked)} />
          <div><Button type="submit">{t.addComment}</Button></div>
        </form>
      )}
    </section>
  );
}
