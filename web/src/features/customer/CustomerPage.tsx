import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, call, data, exchange, may } from '../../api/client';
import type { components } from '../../api/schema';
import { words } from '../../i18n';
import { formatDay } from '../../i18n/format';
import { useChoices } from '../../screen/choices';
import { customerPicker, PickDialog } from '../../screen/Pick';
import { RecordScreen } from '../../screen/Record';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { toast } from '../../ui/Toast';
import { Ask, attempt, Confirm } from '../../screen/Ask';
import { customerFields } from './fields';
import { Files } from './Files';
import { Addresses, Contacts } from './People';
import { PrivacyActs } from './PrivacyActs';
import { Timeline } from './Timeline';

type Customer = components['schemas']['Customer'];

/** One customer, or a new one. */
export function CustomerPage() {
  const { code } = useParams({ from: '/shell/customers/$code' });
  const t = words('customer');
  const id = code === 'new' ? null : code;
  return (
    <RecordScreen
      key={code}
      kind="customer"
      kindName={t.one}
      id={id}
      listAt="/customers"
      fields={customerFields()}
      first={{ customerState: 1, customerStatus: 0 }}
      titleOf={(values) => String(values['customerName'])}
      marks={(values) => (
        <>
          <span className="chip">{String(values['customerCode'])}</span>
          <span className="chip info">{t.states[Number(values['customerState'])]}</span>
          {Number(values['customerStatus']) !== 0 && <span className="chip warn">{t.statuses[Number(values['customerStatus'])]}</span>}
        </>
      )}
      read={async (key) => {
        const answer = await exchange<Customer>('GET', `/v3/customers/${encodeURIComponent(key)}`);
        return { values: answer.data as unknown as Record<string, unknown>, version: answer.version };
      }}
      write={
        may('customer:write')
          ? async (key, changed, version, all) => {
              const body = { ...changed, customerCode: key, customerName: all['customerName'], customerState: all['customerState'] };
              const saved = await call<{ customerCode?: string }>('POST', '/v3/customers', { body, ...(version ? { match: version } : {}), ...(key ? {} : { key: crypto.randomUUID() }) });
              return key ?? String(saved.customerCode);
            }
          : undefined
      }
      remove={may('customer:write') ? async (key, version) => void (await call('DELETE', `/v3/customers/${encodeURIComponent(key)}`, version ? { match: version } : {})) : undefined}
      restore={async (key) => void (await call('POST', `/v3/customers/${encodeURIComponent(key)}/restore`, { body: {} }))}
      audit={(values) => `customer/${String(values['customerCode'])}`}
      acts={(values, again) => (
        <>
          {may('privacy:write') && <PrivacyActs code={String(values['customerCode'])} />}
          {may('customer:write') && <Event code={String(values['customerCode'])} again={again} />}
          {may('customer:write') && <Merge customer={values as unknown as Customer} again={again} />}
        </>
      )}
      below={(values) => <Belongings customer={values as unknown as Customer} />}
    />
  );
}

const undoMerge = (id: number | string) => call('POST', `/v3/customers/merges/${id}/undo`, { body: {} });

function Merge({ customer, again }: { customer: Customer; again(): void }) {
  const t = words('customer');
  const [picking, setPicking] = useState(false);
  const [other, setOther] = useState<{ code: string; name: string } | null>(null);
  async function merge(code: string) {
    const done = await call<{ mergeId: number }>('POST', `/v3/customers/${encodeURIComponent(customer.customerCode)}/merge`, { body: { mergedCustomerCode: code }, key: crypto.randomUUID() });
    again();
    toast(t.merged(code), { undo: () => void attempt(undoMerge(done.mergeId).then(again)) });
  }
  return (
    <>
      <Button onClick={() => setPicking(true)}>{t.merge}</Button>
      {picking && <PickDialog picker={{ ...customerPicker(t.mergeTitle), text: t.mergeWhich(customer.customerName), except: customer.customerCode }} onClose={() => setPicking(false)} onChoose={(option) => { setPicking(false); setOther({ code: option.id, name: option.label }); }} />}
      {other && <Confirm title={t.mergeSure(`“${other.name}” (${other.code})`, `“${customer.customerName}” (${customer.customerCode})`)} text={<p>{t.mergeText}</p>} act={t.mergeDo} look="main" run={() => merge(other.code)} onClose={() => setOther(null)} />}
    </>
  );
}

function Merges({ code }: { code: string }) {
  const t = words('customer');
  const cache = useQueryClient();
  const list = useQuery({ queryKey: ['customer', code, 'merges'], queryFn: () => data(api.GET('/v3/customers/{customerCode}/merges', { params: { path: { customerCode: code } } })), retry: false });
  const some = (list.data?.value ?? []).filter((one) => !one.dateUndone);
  if (some.length === 0) return null;
  return (
    <section className="card" aria-label={t.merges}>
      <h2>{t.merges}</h2>
      {some.map((one) => (
        <div key={one.mergeId} className="bar">
          <span className="grow">{t.mergedOn(one.mergedCustomerCode, formatDay(one.dateMerged))}</span>
          {may('customer:write') && one.survivorCustomerCode === code && <Button onClick={() => void attempt(undoMerge(one.mergeId).then(() => cache.invalidateQueries({ queryKey: ['customer'] })))}>{words('core').act.undo}</Button>}
        </div>
      ))}
    </section>
  );
}

function Belongings({ customer }: { customer: Customer }) {
  const t = words('customer');
  const code = customer.customerCode;
  return (
    <>
      {customer.dateErased && <p className="notice warn">{t.erased}</p>}
      <Timeline code={code} />
      <Contacts customer={customer} />
      <Addresses customer={customer} />
      <Merges code={code} />
      <Files code={code} />
      <Satisfaction code={code} />
    </>
  );
}

/** A dated event, written down by hand. */
function Event({ code, again }: { code: string; again(): void }) {
  const t = words('customer');
  const [open, setOpen] = useState(false);
  const types = useChoices(open ? 'event-types' : undefined);
  return (
    <>
      <Button icon="star" onClick={() => setOpen(true)}>{t.addEvent}</Button>
      {open && (
        <Ask
          title={t.addEvent}
          fields={[
            ...(types.length ? [{ id: 'eventTypeId', label: t.type, kind: 'choice' as const, options: types.map((one) => ({ value: one.id, label: one.label })) }] : []),
            { id: 'eventName', label: t.eventName, required: true },
            { id: 'eventDate', label: t.eventDate, kind: 'date', required: true },
            { id: 'description', label: t.note, kind: 'area' },
          ]}
          first={{ eventDate: new Date().toLocaleDateString('sv') }}
          onClose={() => setOpen(false)}
          save={async (values) => {
            await call('POST', '/v1/customerEvent', { body: { ...values, customerCode: code }, key: crypto.randomUUID() });
            again();
          }}
        />
      )}
    </>
  );
}

/** What the customer answered when asked. */
function Satisfaction({ code }: { code: string }) {
  const t = words('customer');
  const list = useQuery({ queryKey: ['customer', code, 'satisfaction'], queryFn: () => data(api.GET('/v3/customers/{customerCode}/satisfaction', { params: { path: { customerCode: code }, query: { take: 20 } } })), retry: false });
  const answers = list.data?.value ?? [];
  if (answers.length === 0) return null;
  return (
    <section className="card" aria-label={t.satisfaction}>
      <h2>{t.satisfaction}</h2>
      <ul className="timeline">
        {answers.map((one) => (
          <li key={one.satisfactionId}>
            <time>{formatDay(one.dateCreated)}</time>
            <div>
              <p>{`${one.sourceName}: ${one.point}`}</p>
              {one.comment && <p className="muted small">{one.comment}</p>}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
