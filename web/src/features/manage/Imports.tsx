import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useId, useState, type FormEvent } from 'react';
import { api, call, data, may } from '../../api/client';
import type { components } from '../../api/schema';
import { say } from '../../api/words';
import { lang, words } from '../../i18n';
import { formatNumber, formatTime } from '../../i18n/format';
import { Confirm } from '../../screen/Ask';
import { ListScreen } from '../../screen/List';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Check, SelectField, TextField } from '../../ui/Field';
import { toast } from '../../ui/Toast';

type Import = components['schemas']['Import'];

/** Files of records: what is loaded, how far, what was refused, and taking it back. */
export function Imports() {
  const t = words('manage').imports;
  const cache = useQueryClient();
  const [asking, setAsking] = useState<Import | null>(null);
  const [columns, setColumns] = useState<Import | null>(null);
  const [mapping, setMapping] = useState<Mapping | null>(null);
  const can = may('import:write');
  const again = () => cache.invalidateQueries({ queryKey: ['import'] });
  // The progress of a running import is asked for while it is on screen.
  useEffect(() => {
    const timer = setInterval(() => {
      const pages = cache.getQueriesData<{ pages: { rows: Import[] }[] }>({ queryKey: ['import'] });
      const running = pages.some(([, list]) => list?.pages?.some((page) => page.rows.some((one) => ['waiting', 'running', 'undoing'].includes(one.state))));
      if (running && document.visibilityState === 'visible') void again();
    }, 2000);
    return () => clearInterval(timer);
  });
  return (
    <>
      <ListScreen<Import>
        title={t.title}
        icon="import"
        at="/imports"
        kind="import"
        keyword={false}
        empty={t.empty}
        above={can && <Upload done={again} mapping={mapping} forget={() => setMapping(null)} />}
        idOf={(row) => row.importId}
        fetch={async (_, next) => {
          const page = await data(api.GET('/v1/imports', { params: { query: { before: next ?? undefined, take: 50 } } }));
          return { rows: page.value, next: page.next ?? null };
        }}
        columns={[
          { id: 'file', label: t.file, show: (row) => <>{row.fileName}{row.dryRun && <>{' '}<span className="chip">{t.dryMark}</span></>}</> },
          { id: 'kind', label: t.kind, show: (row) => t.kinds[row.kind] ?? row.kind, wide: true },
          { id: 'state', label: t.state, show: (row) => (
            <>
              <span className={`chip ${row.state === 'done' ? 'good' : row.state === 'failed' ? 'bad' : 'info'}`}>{`${t.states[row.state] ?? row.state}${row.state === 'running' ? ` ${row.progress} %` : ''}`}</span>
              {row.problem && <p className="fault">{(row.problem as { message?: string }).message}</p>}
              {row.errors.slice(0, 3).map((one, index) => <p key={index} className="fault">{t.row(one.row, one.message)}</p>)}
            </>
          ) },
          { id: 'rows', label: t.rows, show: (row) => (row.rows == null ? '' : formatNumber(row.rows)), number: true, wide: true },
          { id: 'created', label: t.created, show: (row) => formatNumber(row.created), number: true },
          { id: 'updated', label: t.updated, show: (row) => formatNumber(row.updated), number: true, wide: true },
          { id: 'failed', label: t.failed, show: (row) => (row.failed > 0 ? <a href={`/v1/imports/${row.importId}/errors`} download aria-label={`${formatNumber(row.failed)} · ${t.errors}`}>{formatNumber(row.failed)}</a> : '0'), number: true },
          { id: 'date', label: t.date, show: (row) => formatTime(row.dateCreated), wide: true },
          { id: 'columns', label: t.columns, show: (row) => (row.columns.length ? <Button aria-label={`${t.columnsOf(row.columns.filter((one) => one.field).length, row.columns.length)} · ${t.columns}: ${row.fileName}`} onClick={() => setColumns(row)}>{t.columnsOf(row.columns.filter((one) => one.field).length, row.columns.length)}</Button> : ''), wide: true },
          { id: 'undo', label: words('core').act.undo, show: (row) => (can && row.state === 'done' && row.undoUntil && !row.dryRun ? <Button onClick={() => setAsking(row)}>{t.undo}</Button> : '') },
        ]}
      />
      {columns && <Columns of={columns} can={can} onClose={() => setColumns(null)} use={(found) => { setMapping(found); setColumns(null); toast(t.mappingKept); }} />}
      {asking && <Confirm title={t.undo} text={<p>{t.undoSure}</p>} act={words('core').act.undo} run={() => call('POST', `/v1/imports/${asking.importId}/undo`, { body: {} }).then(again)} onClose={() => setAsking(null)} />}
    </>
  );
}

/** A kind of record that files may hold, as the server offers it. */
interface ImportKind {
  kind: string;
  isAllowed: boolean;
  columns: { field: string; names: string[] }[];
}

function useKinds(): ImportKind[] {
  const found = useQuery({ queryKey: ['import-kinds'], queryFn: () => call<{ value: ImportKind[] }>('GET', '/v1/imports/kinds'), staleTime: Infinity });
  return found.data?.value ?? [];
}

/** What a column is called in the person's language: one of the names that the server reads it by. */
const headerOf = (column: { field: string; names: string[] }) => column.names.find((name) => /[\u0e00-\u0e7f]/.test(name) === (lang === 'th')) ?? column.field;

/** A file with nothing but the headers of a kind, for a spreadsheet to be filled in. */
function sample(kind: ImportKind): string {
  const quoted = kind.columns.map((column) => `"${headerOf(column).replaceAll('"', '""')}"`);
  // The mark says UTF-8 to Excel.
  return `data:text/csv;charset=utf-8,${encodeURIComponent(`\ufeff${quoted.join(',')}\r\n`)}`;
}

/** Header of the file to field; null leaves the column out. */
type Mapping = Record<string, string | null>;

/** What each column of a file was read as, and another choice for the next try. */
function Columns({ of, can, use, onClose }: { of: Import; can: boolean; use(mapping: Mapping): void; onClose(): void }) {
  const t = words('manage').imports;
  const id = useId();
  const kinds = useKinds();
  const [fields, setFields] = useState<Record<string, string>>(() => Object.fromEntries(of.columns.map((one) => [one.header, one.field ?? ''])));
  return (
    <Dialog title={`${t.columns}: ${of.fileName}`} onClose={onClose}>
      <form className="dialog-content" onSubmit={(event) => { event.preventDefault(); use(Object.fromEntries(Object.entries(fields).map(([header, field]) => [header, field.trim() || null]))); }}>
        <p>{t.columnsText}</p>
        <datalist id={id}>{(kinds.find((one) => one.kind === of.kind)?.columns ?? []).map((one) => <option key={one.field} value={one.field} label={headerOf(one)} />)}</datalist>
        <div className="form-grid">
          {of.columns.map((one, index) => (
            <TextField key={one.header} label={one.header || t.noHeader(index + 1)} hint={one.ignored ? t.ignored[one.ignored] ?? one.ignored : undefined} list={id} disabled={!can} autoFocus={index === 0} value={fields[one.header] ?? ''} onChange={(event) => setFields((now) => ({ ...now, [one.header]: event.target.value }))} />
          ))}
        </div>
        <div className="dialog-foot">
          <Button onClick={onClose}>{words('core').act.back}</Button>
          {can && <Button type="submit" look="main">{t.useMapping}</Button>}
        </div>
      </form>
    </Dialog>
  );
}

function Upload({ done, mapping, forget }: { done(): void; mapping: Mapping | null; forget(): void }) {
  const t = words('manage').imports;
  const kinds = useKinds().filter((one) => one.isAllowed);
  const [chosen, setKind] = useState('');
  const kind = kinds.find((one) => one.kind === chosen) ?? kinds[0];
  const [dry, setDry] = useState(true);
  const [file, setFile] = useState<File | null>(null);
  const [busy, setBusy] = useState(false);
  function submit(event: FormEvent) {
    event.preventDefault();
    if (!file || !kind) return;
    const form = new FormData();
    form.append('kind', kind.kind);
    form.append('dryRun', String(dry));
    if (mapping) form.append('mapping', JSON.stringify(mapping));
    form.append('file', file);
    setBusy(true);
    call('POST', '/v1/imports', { form, key: crypto.randomUUID() }).then(done, (error) => toast(say(error), { bad: true })).finally(() => setBusy(false));
  }
  return (
    <form className="bar upload" onSubmit={submit}>
      <SelectField label={t.kind} value={kind?.kind ?? ''} onChange={(event) => setKind(event.target.value)}>
        {kinds.map((one) => <option key={one.kind} value={one.kind}>{t.kinds[one.kind] ?? one.kind}</option>)}
      </SelectField>
      <div className="field">
        <label htmlFor="import-file">{t.file}</label>
        <input id="import-file" type="file" required accept=".csv,.xlsx,.xls,.ods,.txt" onChange={(event) => setFile(event.target.files?.[0] ?? null)} />
      </div>
      <Check label={t.dry} checked={dry} onChange={(event) => setDry(event.target.checked)} />
      {mapping && <span className="chip accent">{t.withMapping}<button type="button" aria-label={`${words('core').act.clear}: ${t.withMapping}`} onClick={forget}>{'×'}</button></span>}
      <Button type="submit" look="main" icon="import" busy={busy}>{t.start}</Button>
      {kind && <a href={sample(kind)} download={`${kind.kind}.csv`}>{t.sample}</a>}
    </form>
  );
}
