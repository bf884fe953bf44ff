import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { call, exchange, may } from '../../api/client';
import { words } from '../../i18n';
import { formatDay, formatMoney, formatSpan, formatTime } from '../../i18n/format';
import type { Values } from '../../screen/Form';
import { RecordScreen } from '../../screen/Record';
import '../../screen/screen.css';
import { dealFields } from './fields';
import { Move } from './Move';

/** What is read is called otherwise than what is written: both names are there. */
function both(read: Values): Values {
  const customer = read['customer'] as Values | undefined;
  return {
    ...read,
    dealName: read['dealsName'],
    dealValue: read['dealsValue'],
    dealDate: read['dealsDate'],
    note: read['notes'],
    customerCode: customer?.['customerCode'],
    customerName: customer?.['customerName'],
    labelNames: ((read['dealsLabels'] as Values[] | undefined) ?? []).map((one) => one['labelName']),
  };
}

/** One deal, or a new one. */
export function DealPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').deal;
  const can = may('deal:write');
  return (
    <RecordScreen
      key={id}
      kind="deal"
      kindName={t.one}
      id={id === 'new' ? null : id}
      listAt="/deals"
      fields={dealFields()}
      first={{ probability: 50 }}
      titleOf={(values) => String(values['dealsName'] ?? values['dealName'])}
      marks={(values) => (
        <>
          <span className="chip">{String(values['dealNo'])}</span>
          <span className={`chip ${values['statusId'] === 2 ? 'good' : values['statusId'] === 3 ? 'bad' : 'info'}`}>{String((values['dealStage'] as Values | undefined)?.['dealStageName'] ?? t.statuses[Number(values['statusId'])])}</span>
        </>
      )}
      read={async (key) => {
        const answer = await exchange<Values & { value?: Values }>('GET', `/v1/deals/${key}`);
        return { values: both(answer.data.value ?? answer.data), version: answer.version };
      }}
      write={
        can
          ? async (key, changed, version) => {
              if (key === null) {
                const { customerCode, ...rest } = changed;
                const made = await call<{ value: Values }>('POST', '/v1/deals', { body: { ...rest, customerCodes: customerCode ? [customerCode] : [] }, key: crypto.randomUUID() });
                return String(made.value['dealsId']);
              }
              await call('PUT', `/v1/deals/${key}`, { body: changed, ...(version ? { match: version } : {}) });
              return key;
            }
          : undefined
      }
      remove={can ? async (key, version) => void (await call('DELETE', `/v1/deals/${key}`, version ? { match: version } : {})) : undefined}
      restore={async (key) => void (await call('POST', `/v1/deals/${key}/restore`, { body: {} }))}
      acts={(values, again) => {
        const stage = values['dealStage'] as { dealStageId: number; dealStageName: string } | undefined;
        return can && stage && <Move id={Number(values['dealsId'])} board={Number(values['boardId'])} at={stage} again={again} />;
      }}
      audit={(values) => `deal/${String(values['dealNo'])}`}
      below={(values) => <Stays id={String(values['dealsId'])} />}
      aside={(values) => {
        const customer = values['customer'] as Values | undefined;
        return (
          <section className="card" aria-label={t.customer}>
            {customer && <p><Link to="/customers/$code" params={{ code: String(customer['customerCode']) }}>{String(customer['customerName'])}</Link></p>}
            <dl className="pairs">
              <dt>{t.value}</dt>
              <dd>{formatMoney(values['dealsValue'] as string)}</dd>
              <dt>{t.weighted}</dt>
              <dd>{formatMoney((values['weightedValue'] as string) ?? '0')}</dd>
              {values['dateClosed'] ? <><dt>{t.closed}</dt><dd>{formatDay(values['dateClosed'] as string)}</dd></> : null}
              {values['reasonCategoryName'] ? <><dt>{t.reason}</dt><dd>{String(values['reasonCategoryName'])}</dd></> : null}
              {values['dateFollowUp'] ? <><dt>{t.followUp}</dt><dd>{formatDay(values['dateFollowUp'] as string)}</dd></> : null}
            </dl>
          </section>
        );
      }}
    />
  );
}

interface Stay {
  dealStageId: number;
  dealStageName: string;
  dateEntered: string;
  dateLeft: string | null;
  seconds: number;
}

/** The stages that the deal was in, and for how long. */
function Stays({ id }: { id: string }) {
  const t = words('sale').deal;
  const list = useQuery({ queryKey: ['deal', id, 'history'], queryFn: () => call<{ value: Stay[] }>('GET', `/v1/deals/${id}/history`), retry: false });
  const stays = list.data?.value ?? [];
  if (stays.length === 0) return null;
  return (
    <section className="card" aria-label={t.history}>
      <h2>{t.history}</h2>
      <ul className="timeline">
        {stays.map((one) => (
          <li key={one.dateEntered}>
            <time>{formatTime(one.dateEntered)}</time>
            <p className="row wrap">
              <span>{one.dealStageName}</span>
              <span className="muted small">{t.days(formatSpan(one.seconds * 1000))}</span>
              {one.dateLeft === null && <span className="chip info">{t.now}</span>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
