import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatMoney, formatNumber } from '../../i18n/format';
import { Ask, attempt } from '../../screen/Ask';
import { DocumentActs } from '../../screen/Document';
import type { FieldSpec, Values } from '../../screen/Form';
import { ListScreen } from '../../screen/List';
import { Coded } from '../../screen/names';
import { customerPicker, employeePicker } from '../../screen/Pick';
import { RecordScreen } from '../../screen/Record';
import { asBody, enquire, read, write } from '../../screen/resource';
import { useChoices } from '../../screen/choices';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { FileButton } from '../../ui/FileButton';
import { toast } from '../../ui/Toast';

const CONTRACT = { path: '/v1/contract', key: 'contractNo' };

interface Row {
  contractNo: string;
  contractName: string;
  contractType: string;
  contractValue: number;
  customerCode: string;
  customerName: string;
  ownerName: string;
  dateStart: string;
  dateEnd: string;
  statusId: number;
}
interface Service {
  contractServiceId: number;
  subject: string;
  numberOfTimes: number;
  frequency: number;
  agreementNote: string | null;
}
interface Visit {
  contractServiceId: number;
  subject: string;
  dateDue: string;
  taskNo: string | null;
  taskStatus: string | null;
}
interface Attachment {
  fileId: string;
  filename: string;
  resourceUrl: string | null;
  url: string | null;
}

const look = (status: number) => (status === 1602 ? 'good' : status === 1604 ? 'bad' : status === 1603 ? '' : 'info');

/** All contracts. */
export function Contracts() {
  const t = words('sale').contract;
  const types = useChoices('contract-types');
  return (
    <ListScreen<Row>
      title={t.title}
      icon="note"
      at="/contracts"
      kind="contract"
      empty={t.empty}
      create={may('contract:write') ? { label: t.create, to: '/contracts/new' } : undefined}
      filters={[
        { id: 'status', label: t.status, options: Object.entries(t.statuses).map(([value, label]) => ({ value, label })) },
        ...(types.length ? [{ id: 'type', label: t.type, options: types.map((one) => ({ value: one.name, label: one.label })) }] : []),
      ]}
      idOf={(row) => row.contractNo}
      linkOf={(row) => `/contracts/${encodeURIComponent(row.contractNo)}`}
      fetch={({ status, type, ...asked }, next, signal) => enquire<Row>('/v1/contract/enquiry', { ...asBody(asked), statusIds: status ? [Number(status)] : undefined, contractType: type }, next, signal)}
      columns={[
        { id: 'name', label: t.name, show: (row) => row.contractName },
        { id: 'no', label: t.no, show: (row) => row.contractNo, wide: true },
        { id: 'customer', label: t.customer, show: (row) => <Coded name={row.customerName} code={row.customerCode} />, wide: true },
        { id: 'status', label: t.status, show: (row) => <span className={`chip ${look(row.statusId)}`}>{t.statuses[row.statusId]}</span> },
        { id: 'end', label: t.ends, show: (row) => formatDay(row.dateEnd) },
        { id: 'type', label: t.type, show: (row) => row.contractType, wide: true },
        { id: 'owner', label: t.owner, show: (row) => row.ownerName, wide: true },
        { id: 'value', label: t.value, show: (row) => formatMoney(row.contractValue), number: true, wide: true },
      ]}
    />
  );
}

/** One contract, or a new one. */
export function ContractPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('sale').contract;
  const can = may('contract:write');
  const today = new Date();
  const fields: FieldSpec[] = [
    { id: 'contractName', label: t.name, required: true, whole: true },
    { id: 'contractType', label: t.type, kind: 'choice', list: 'contract-types', required: true },
    { id: 'customerCode', label: t.customer, kind: 'pick', required: true, picker: customerPicker(t.customer), named: 'customerName' },
    { id: 'owner', label: t.owner, kind: 'pick', required: true, picker: employeePicker(t.owner), named: 'ownerName' },
    { id: 'contractValue', label: t.value, kind: 'money' },
    { id: 'dateStart', label: t.starts, kind: 'date', required: true },
    { id: 'dateEnd', label: t.ends, kind: 'date', required: true },
    { id: 'remindDaysBeforeEnd', label: t.remind, kind: 'number' },
    { id: 'description', label: t.description, kind: 'area' },
    { id: 'cancelReason', label: t.reason, kind: 'area', fixed: true },
  ];
  const first = { dateStart: today.toLocaleDateString('sv'), dateEnd: new Date(today.getFullYear() + 1, today.getMonth(), today.getDate() - 1).toLocaleDateString('sv'), remindDaysBeforeEnd: 30 };
  return (
    <RecordScreen
      key={id}
      kind="contract"
      kindName={t.one}
      id={id === 'new' ? null : id}
      listAt="/contracts"
      fields={fields}
      first={first}
      titleOf={(values) => String(values['contractName'])}
      marks={(values) => (
        <>
          <span className="chip">{String(values['contractNo'])}</span>
          <span className={`chip ${look(Number(values['statusId']))}`}>{t.statuses[Number(values['statusId'])]}</span>
        </>
      )}
      read={(key) => read(CONTRACT, key)}
      write={
        can
          ? (key, changed, version, all) => write(CONTRACT, key, Object.fromEntries(fields.filter((field) => !field.fixed).map((field) => [field.id, (key === null ? changed : all)[field.id] ?? null])), version)
          : undefined
      }
      acts={(values, again) => (
        <>
          <DocumentActs kind="contract" no={String(values['contractNo'])} sent={again} />
          {can && [1601, 1602].includes(Number(values['statusId'])) && <End no={String(values['contractNo'])} again={again} />}
        </>
      )}
      audit={(values) => `contract/${String(values['contractNo'])}`}
      below={(values) => <Services values={values} />}
      aside={(values) => (
        <>
          <section className="card" aria-label={t.customer}>
            <dl className="pairs">
              <dt>{t.customer}</dt>
              <dd><Link to="/customers/$code" params={{ code: String(values['customerCode']) }}>{String(values['customerName'])}</Link></dd>
              <dt>{t.owner}</dt>
              <dd>{String(values['ownerName'] ?? values['owner'])}</dd>
            </dl>
          </section>
          <Visits no={String(values['contractNo'])} />
        </>
      )}
    />
  );
}

function End({ no, again }: { no: string; again(): void }) {
  const t = words('sale').contract;
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="danger" onClick={() => setOpen(true)}>{t.cancel}</Button>
      {open && (
        <Ask
          title={t.cancel}
          act={t.cancel}
          look="danger"
          text={<p>{t.cancelText}</p>}
          fields={[{ id: 'reason', label: t.reason, kind: 'area' }]}
          first={{ reason: '' }}
          onClose={() => setOpen(false)}
          save={async (body) => {
            await call('POST', `/v1/contract/${encodeURIComponent(no)}/cancel`, { body });
            toast(t.cancelled);
            again();
          }}
        />
      )}
    </>
  );
}

/** The services that it promises, and its files. */
function Services({ values }: { values: Values }) {
  const t = words('sale').contract;
  const cache = useQueryClient();
  const [open, setOpen] = useState<Service | 'new' | null>(null);
  const no = String(values['contractNo']);
  const can = may('contract:write') && [1601, 1602].includes(Number(values['statusId']));
  const services = (values['contractServices'] as Service[] | undefined) ?? [];
  const files = (values['attachments'] as Attachment[] | undefined) ?? [];
  const again = () => cache.invalidateQueries({ queryKey: ['contract'] });
  async function put(chosen: File[]) {
    const form = new FormData();
    form.append('contractNo', no);
    for (const file of chosen) form.append('files', file);
    await attempt(call('POST', '/v1/contract/attach-files', { form, key: crypto.randomUUID() }).then(again), t.fileAdded);
  }
  return (
    <>
      <section className="card" aria-label={t.services}>
        <div className="bar">
          <h2 className="grow">{t.services}</h2>
          {can && <Button icon="plus" onClick={() => setOpen('new')}>{t.addService}</Button>}
        </div>
        {services.length === 0 ? <p className="muted">{t.noService}</p> : (
          <ul className="results">
            {services.map((one) => (
              <li key={one.contractServiceId} className="row wrap">
                <span className="grow">
                  <strong>{one.subject}</strong>
                  <span className="muted small">{` ${t.perTime(formatNumber(one.numberOfTimes), t.frequencies[one.frequency] ?? '')}${one.agreementNote ? ` · ${one.agreementNote}` : ''}`}</span>
                </span>
                {can && <Button aria-label={`${t.editService} ${one.subject}`} onClick={() => setOpen(one)}>{t.editService}</Button>}
              </li>
            ))}
          </ul>
        )}
        {open && (
          <Ask
            title={open === 'new' ? t.addService : open.subject}
            fields={[
              { id: 'subject', label: t.subject, required: true, whole: true },
              { id: 'numberOfTimes', label: t.times, kind: 'number', required: true },
              { id: 'frequency', label: t.frequency, kind: 'choice', required: true, options: Object.entries(t.frequencies).map(([value, label]) => ({ value: Number(value), label })) },
              { id: 'agreementNote', label: t.note, kind: 'area' },
            ]}
            first={open === 'new' ? { numberOfTimes: 1, frequency: 260003 } : { ...open }}
            onClose={() => setOpen(null)}
            save={async (body) => {
              await call('POST', '/v1/contract/service-agreement', { body: { ...body, contractNo: no, ...(open === 'new' ? {} : { contractServiceId: open.contractServiceId }) }, key: crypto.randomUUID() });
              await again();
              toast(words('core').saved);
            }}
          />
        )}
      </section>
      <section className="card" aria-label={t.files}>
        <div className="bar">
          <h2 className="grow">{t.files}</h2>
          {may('contract:write') && <FileButton label={t.addFile} multiple choose={(chosen) => void put(chosen)} />}
        </div>
        {files.length === 0 ? <p className="muted">{t.noFile}</p> : (
          <ul>
            {files.map((one) => {
              const url = one.resourceUrl ?? one.url;
              return <li key={one.fileId}>{url ? <a href={url} target="_blank" rel="noreferrer">{one.filename}</a> : one.filename}</li>;
            })}
          </ul>
        )}
      </section>
    </>
  );
}

function Visits({ no }: { no: string }) {
  const t = words('sale').contract;
  const list = useQuery({ queryKey: ['contract', no, 'visits'], queryFn: () => call<{ value: Visit[] }>('GET', `/v1/contract/${encodeURIComponent(no)}/visits`), retry: false });
  const visits = list.data?.value ?? [];
  return (
    <section className="card" aria-label={t.visits}>
      <h2>{t.visits}</h2>
      {visits.length === 0 ? <p className="muted">{t.noVisit}</p> : (
        <ul className="timeline">
          {visits.slice(0, 50).map((one) => (
            <li key={`${one.contractServiceId} ${one.dateDue}`}>
              <time>{formatDay(one.dateDue)}</time>
              <p>
                {one.taskNo ? <Link to="/tasks/$id" params={{ id: one.taskNo }}>{one.subject}</Link> : one.subject}
                {one.taskStatus && <>{' '}<span className="chip">{words('work').task.statuses[one.taskStatus] ?? one.taskStatus}</span></>}
              </p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
