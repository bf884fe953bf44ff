import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, call, data, may } from '../../api/client';
import type { components } from '../../api/schema';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { formatDay } from '../../i18n/format';
import { RecordForm, type FieldSpec } from '../../screen/Form';
import { ListScreen } from '../../screen/List';
import { customerPicker } from '../../screen/Pick';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { TextArea } from '../../ui/Field';
import { toast } from '../../ui/Toast';

type Request = components['schemas']['PrivacyRequest'];

/** What people ask for about their own data, with the thirty days that the law gives. */
export function Privacy() {
  const t = words('manage').privacy;
  const core = words('core').act;
  const cache = useQueryClient();
  const [making, setMaking] = useState(false);
  const [refusing, setRefusing] = useState<Request | null>(null);
  const [erasing, setErasing] = useState<Request | null>(null);
  const [reason, setReason] = useState('');
  const can = may('privacy:write');
  const again = () => cache.invalidateQueries({ queryKey: ['privacy'] });
  const act = (path: string, body: unknown) => call('POST', path, { body }).then(again, (error) => toast(say(error), { bad: true }));
  const start = (request: Request) => act(`/v1/privacy/requests/${request.requestId}/start`, {});
  const open = (request: Request) => !['done', 'refused', 'running'].includes(request.state);
  const fields: FieldSpec[] = [
    { id: 'kind', label: t.kind, kind: 'choice', required: true, options: Object.entries(t.kinds).map(([value, label]) => ({ value, label })) },
    { id: 'customerCode', label: t.customer, kind: 'pick', required: true, picker: customerPicker(t.customer) },
    { id: 'requestedBy', label: t.by, required: true, whole: true },
    { id: 'reason', label: t.reason, kind: 'area' },
  ];
  return (
    <>
      <ListScreen<Request>
        title={t.title}
        icon="audit"
        at="/privacy"
        kind="privacy"
        keyword={false}
        empty={t.empty}
        create={can ? { label: t.create, run: () => setMaking(true) } : undefined}
        filters={[{ id: 'kind', label: t.kind, options: Object.entries(t.kinds).map(([value, label]) => ({ value, label })) }]}
        idOf={(row) => String(row.requestId)}
        fetch={async (asked, next) => {
          const page = await data(api.GET('/v1/privacy/requests', { params: { query: { kind: asked['kind'], before: next ? Number(next) : undefined, take: 50 } } }));
          return { rows: page.value, next: page.next == null ? null : String(page.next) };
        }}
        columns={[
          { id: 'customer', label: t.customer, show: (row) => row.customerCode },
          { id: 'kind', label: t.kind, show: (row) => t.kinds[row.kind] ?? row.kind },
          { id: 'state', label: t.state, show: (row) => <span className={`chip ${row.state === 'done' ? 'good' : row.state === 'refused' ? '' : 'info'}`}>{t.states[row.state] ?? row.state}</span> },
          { id: 'due', label: t.due, show: (row) => <span className={row.isOverdue ? 'chip bad' : ''}>{`${formatDay(row.dateDue)}${row.isOverdue ? ` · ${t.overdue}` : ''}`}</span> },
          { id: 'received', label: t.received, show: (row) => formatDay(row.dateReceived), wide: true },
          { id: 'by', label: t.by, show: (row) => row.requestedBy, wide: true },
          { id: 'acts', label: core.open, show: (row) => (
            <span className="row wrap">
              {can && open(row) && <Button onClick={() => (row.kind === 'erasure' ? setErasing(row) : void start(row))}>{row.kind === 'erasure' ? t.startErase : t.start}</Button>}
              {can && open(row) && <Button onClick={() => setRefusing(row)}>{t.refuse}</Button>}
              {row.archivePath && row.state === 'done' && <a className="button" href={`/v1/privacy/requests/${row.requestId}/archive`} download>{t.archive}</a>}
            </span>
          ) },
        ]}
      />
      {making && (
        <Dialog title={t.create} onClose={() => setMaking(false)}>
          <div className="dialog-content">
            <RecordForm
              fields={fields}
              first={FIRST}
              making
              cancel={() => setMaking(false)}
              save={async (changed) => {
                await call('POST', '/v1/privacy/requests', { body: changed, key: crypto.randomUUID() });
                await again();
                setMaking(false);
              }}
            />
          </div>
        </Dialog>
      )}
      {erasing && (
        <Dialog title={t.startErase} onClose={() => setErasing(null)}>
          <div className="dialog-content">
            <p className="notice bad">{t.startSure}</p>
            <p>{erasing.customerCode}</p>
            <div className="dialog-foot">
              <Button autoFocus onClick={() => setErasing(null)}>{core.back}</Button>
              <Button look="danger" onClick={() => { void start(erasing); setErasing(null); }}>{t.startErase}</Button>
            </div>
          </div>
        </Dialog>
      )}
      {refusing && (
        <Dialog title={t.refuse} onClose={() => setRefusing(null)}>
          <form
            className="dialog-content"
            onSubmit={(event: FormEvent) => {
              event.preventDefault();
              void act(`/v1/privacy/requests/${refusing.requestId}/refuse`, { reason });
              setRefusing(null);
              setReason('');
            }}
          >
            <TextArea label={t.refuseReason} required autoFocus value={reason} onChange={(event) => setReason(event.target.value)} />
            <div className="dialog-foot">
              <Button onClick={() => setRefusing(null)}>{core.back}</Button>
              <Button type="submit" look="main">{core.confirm}</Button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}

const FIRST = { kind: 'export' };
