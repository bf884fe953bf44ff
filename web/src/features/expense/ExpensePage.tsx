import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useRef, useState, type SyntheticEvent } from 'react';
import { call, may, Refusal, session } from '../../api/client';
import { faults, isPart } from '../../api/words';
import { words } from '../../i18n';
import { formatMoney, formatTime } from '../../i18n/format';
import { Ask, attempt } from '../../screen/Ask';
import { Input, settled, type FieldSpec, type Values } from '../../screen/Form';
import { employeePicker } from '../../screen/Pick';
import { History } from '../../screen/Record';
import '../../screen/screen.css';
import { Refused } from '../../screen/Refused';
import { Button, IconButton } from '../../ui/Button';
import { FileButton } from '../../ui/FileButton';
import { SelectField, TextField } from '../../ui/Field';
import { Failed, Loading } from '../../ui/State';
import { onSubmitKey, useFaultFocus } from '../../ui/focus';
import { toast } from '../../ui/Toast';
import { useUnsaved } from '../../unsaved';
import { bodyOf, FIELDS, lineOf, look, unread, type Line } from './expense';

const pathOf = (id: string) => `/v1/Expenses/${encodeURIComponent(id)}`;

interface Log {
  activityLogId: number;
  logType: number;
  comment: string | null;
  dateCreated: string;
  userInfo?: { fullname?: string | null; name?: string | null } | null;
}
interface Attachment {
  fileId: string;
  filename: string;
  resourceUrl: string | null;
  url: string | null;
}

/** One claim, or a new one. */
export function ExpensePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const [blank] = useState<Values>(() => ({ dateTransaction: new Date().toLocaleDateString('sv'), staffCode: session.get()?.user.staffCode ?? null, expenseDetails: [{ expenseTypeId: 1004 }] }));
  const found = useQuery({
    queryKey: ['expense', id],
    queryFn: async () => {
      const data = await call<Values & { value?: Values }>('GET', pathOf(id));
      return data.value ?? data;
    },
    enabled: id !== 'new',
  });
  if (id !== 'new' && found.isPending) return <Loading />;
  if (id !== 'new' && found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const first: Values = found.data ?? blank;
  return <Editor key={id} id={id === 'new' ? null : id} first={first} />;
}

const linesOf = (read: Values): Line[] => ((read['expenseDetails'] as Values[] | undefined) ?? []).map(lineOf);

function Editor({ id, first }: { id: string | null; first: Values }) {
  const t = words('sale').expense;
  const core = words('core').act;
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [head, setHead] = useState<Values>(first);
  const [lines, setLines] = useState<Line[]>(() => linesOf(first));
  const [base, setBase] = useState(first);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [reject, setReject] = useState(false);
  const [key] = useState(() => crypto.randomUUID());
  const status = Number(first['statusId'] ?? 0);
  const can = may('expense:write') && (id === null || first['isEdit'] === true);
  const decide = may('expense:approve') && first['canApprove'] === true && status === 302;
  const form = useRef<HTMLFormElement>(null);
  useFaultFocus(form, error);
  const wrong = faults(error);
  const title = id === null ? t.create : String(first['subject'] || first['expenseNo']);
  useEffect(() => {
    document.title = `${title} · Sala`;
  }, [title]);
  const again = () => {
    void cache.invalidateQueries({ queryKey: ['expense'] });
    void cache.invalidateQueries({ queryKey: ['audit'] });
  };
  const back = () => void navigate({ to: '/expenses' as never });
  const put = (index: number, change: Line) => setLines((now) => now.map((line, at) => (at === index ? { ...line, ...change } as Line : line)));
  const fields: FieldSpec[] = [
    { id: 'subject', label: t.subject, required: true },
    { id: 'dateTransaction', label: t.date, kind: 'date', required: true },
    { id: 'staffCode', label: t.staff, kind: 'pick', required: true, picker: employeePicker(t.staff), named: 'staffName' },
    { id: 'remark', label: t.remark, kind: 'area' },
  ];
  const labelOf = (name: string) => {
    const [, line, part] = /\[(\d+)\]\.(\w+)$/.exec(name) ?? [];
    return line && part ? `${t.lines} ${Number(line) + 1}: ${part === 'note' ? t.note : part === 'expenseTypeId' ? t.kind : t.fields[part] ?? part}` : fields.find((field) => isPart(name, field.id))?.label;
  };
  const sum = (of: Values, its: Line[]) => JSON.stringify([fields.map((field) => of[field.id] ?? ''), its]);
  const typed = sum(head, lines);
  const [kept, setKept] = useState(typed);
  useUnsaved(!busy && typed !== kept);
  // What is typed outlives that the claim is read again, for a receipt or because somebody else has changed it.
  if (first !== base) {
    setBase(first);
    if (typed === kept) {
      setHead(first);
      setLines(linesOf(first));
      setKept(sum(first, linesOf(first)));
    }
  }
  async function save(event: SyntheticEvent) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    const sent = Object.fromEntries(fields.map((field) => [field.id, settled(field, head[field.id])]));
    const noDay = fields.filter((field) => sent[field.id] === undefined).map((field) => field.id);
    const noNumber = lines.flatMap((line, index) => unread(line).map((key) => `ExpenseDetails[${index}].${key}`));
    const body = { ...sent, ExpenseDetails: lines.map(bodyOf) };
    try {
      if (noNumber.length) throw Refusal.of('not_a_number', ...noNumber);
      if (noDay.length) throw Refusal.of('invalid_format', ...noDay);
      const saved = await call<Values & { value?: Values }>(id === null ? 'POST' : 'PUT', id === null ? '/v1/Expenses' : pathOf(id), { body, ...(id === null ? { key } : {}) });
      setKept(typed);
      again();
      toast(words('core').saved);
      const made = (saved.value ?? saved)['expenseId'];
      if (id === null && made) void navigate({ to: `/expenses/${String(made)}` as never, replace: true });
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  }
  const act = (path: string, body: unknown, done: string) => attempt(call('POST', `${pathOf(id ?? '')}/${path}`, { body }).then(again), done);
  const faultOf = (index: number, name: string) => Object.entries(wrong).find(([field]) => field.endsWith(`[${index}].${name}`))?.[1];

  return (
    <div className="page">
      <header className="page-head">
        <IconButton icon="back" label={core.back} onClick={back} />
        <div className="record-title">
          <h1 className="line">{title}</h1>
          {id && <span className="chip">{String(first['expenseNo'])}</span>}
          {id && <span className={`chip ${look(status)}`}>{t.statuses[status]}</span>}
        </div>
        {decide && <Button look="main" onClick={() => void act('approve', {}, t.approved)}>{t.approve}</Button>}
        {decide && <Button onClick={() => setReject(true)}>{t.reject}</Button>}
        {id && can && (status === 302 || status === 304) && <Button look="danger" onClick={() => void act('cancel', {}, t.withdrawn)}>{t.withdraw}</Button>}
      </header>
      <form ref={form} className="record" onSubmit={(event) => void save(event)} noValidate onKeyDownCapture={onSubmitKey((event) => void save(event))}>
        <div>
          <Refused error={error} labelOf={labelOf} />
          <fieldset className="card" disabled={!can}>
            <div className="form-grid">
              {fields.map((field, index) => (
                <div key={field.id} className={field.kind === 'area' ? 'whole' : undefined}>
                  <Input field={field} value={head[field.id]} said={field.named && head[field.id] === first[field.id] ? first[field.named] : undefined} error={wrong[field.id]} put={(value) => setHead((now) => ({ ...now, [field.id]: value }))} first={index === 0 && id === null} />
                </div>
              ))}
            </div>
          </fieldset>
          <fieldset className="card" disabled={!can}>
            <h2>{t.lines}</h2>
            {wrong['ExpenseDetails'] && <p className="fault">{wrong['ExpenseDetails']}</p>}
            {lines.map((line, index) => (
              <div key={index} className="form-grid" role="group" aria-label={`${t.lines} ${index + 1}`}>
                <SelectField label={t.kind} value={line['expenseTypeId']} error={faultOf(index, 'expenseTypeId')} onChange={(event) => put(index, { expenseTypeId: event.target.value })}>
                  {Object.entries(t.kinds).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
                </SelectField>
                {(FIELDS[line['expenseTypeId'] ?? ''] ?? []).map((name) => (
                  <TextField key={name} label={t.fields[name] ?? name} name={`${name}-${index}`} inputMode={name === 'trainingTitle' ? 'text' : 'decimal'} value={line[name] ?? ''} error={faultOf(index, name)} onChange={(event) => put(index, { [name]: event.target.value })} />
                ))}
                <TextField label={t.note} value={line['note'] ?? ''} error={faultOf(index, 'note')} onChange={(event) => put(index, { note: event.target.value })} />
                {can && lines.length > 1 && <IconButton icon="close" label={t.removeLine(index + 1)} onClick={() => setLines((now) => now.filter((_, at) => at !== index))} />}
              </div>
            ))}
            {can && <div><Button icon="plus" onClick={() => setLines((now) => [...now, lineOf({ expenseTypeId: 1004 })])}>{t.addLine}</Button></div>}
          </fieldset>
          {can && <div className="bar"><Button type="submit" look="main" busy={busy} keys="Mod+Enter">{core.save}</Button></div>}
        </div>
        <div>
          {id && (
            <section className="card" aria-label={t.total}>
              <dl className="pairs">
                <dt>{t.total}</dt>
                <dd className="number">{formatMoney(String(first['total'] ?? 0))}</dd>
              </dl>
            </section>
          )}
          {id && <Receipts id={id} can={can} files={(first['attachments'] as Attachment[] | undefined) ?? []} again={again} />}
          {id && <Steps log={(first['activityLogs'] as Log[] | undefined) ?? []} />}
          {id && <History of={`expense/${String(first['expenseNo'])}`} fields={fields} />}
        </div>
      </form>
      {reject && <Ask title={t.reject} act={t.reject} look="danger" fields={[{ id: 'comment', label: t.why, kind: 'area', required: true }]} first={{ comment: '' }} onClose={() => setReject(false)} save={async (body) => { await call('POST', `${pathOf(id ?? '')}/reject`, { body }); toast(t.rejected); again(); }} />}
    </div>
  );
}

function Receipts({ id, files, can, again }: { id: string; files: Attachment[]; can: boolean; again(): void }) {
  const t = words('sale').expense;
  async function put(chosen: File[]) {
    const form = new FormData();
    form.append('expenseId', id);
    for (const file of chosen) form.append('files', file);
    await attempt(call('POST', '/v1/Expenses/attach-files', { form, key: crypto.randomUUID() }).then(again), words('sale').contract.fileAdded);
  }
  return (
    <section className="card" aria-label={t.receipts}>
      <div className="bar">
        <h2 className="grow">{t.receipts}</h2>
        {can && <FileButton label={words('sale').contract.addFile} multiple choose={(chosen) => void put(chosen)} />}
      </div>
      {files.length === 0 ? <p className="muted">{words('sale').contract.noFile}</p> : (
        <ul>
          {files.map((one) => {
            const url = one.resourceUrl ?? one.url;
            return <li key={one.fileId}>{url ? <a href={url} target="_blank" rel="noreferrer">{one.filename}</a> : one.filename}</li>;
          })}
        </ul>
      )}
    </section>
  );
}

function Steps({ log }: { log: Log[] }) {
  const t = words('sale').expense;
  if (log.length === 0) return null;
  return (
    <section className="card" aria-label={t.steps}>
      <h2>{t.steps}</h2>
      <ul className="timeline">
        {log.map((one) => (
          <li key={one.activityLogId}>
            <time>{formatTime(one.dateCreated)}</time>
            <div>
              <p>{[t.logs[one.logType] ?? '', one.userInfo?.fullname ?? one.userInfo?.name].filter(Boolean).join(' · ')}</p>
              {one.comment && <p className="muted small">{one.comment}</p>}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
