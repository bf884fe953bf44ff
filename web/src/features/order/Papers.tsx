import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { lang, words } from '../../i18n';
import { formatDay, formatMoney } from '../../i18n/format';
import { Ask, Confirm } from '../../screen/Ask';
import { DocumentActs } from '../../screen/Document';
import { enquire } from '../../screen/resource';
import { Button } from '../../ui/Button';
import { toast } from '../../ui/Toast';
import { pathOf, type TaxDocument } from './order';

interface Payment {
  paymentId: number;
  amount: number;
  paidDate: string;
  method: string | null;
  reference: string | null;
  receiptNo: string | null;
  isCancelled: boolean;
}

/** The money that came in, each with its receipt. */
export function Payments({ no, currency }: { no: string; currency: string }) {
  const s = words('sale').order;
  const t = words('work').order;
  const cache = useQueryClient();
  const [gone, setGone] = useState<Payment | null>(null);
  const [back, setBack] = useState<Payment | null>(null);
  const list = useQuery({ queryKey: ['salesorder', no, 'payments'], queryFn: () => call<{ value: Payment[] }>('GET', `${pathOf(no)}/payments`), retry: false });
  const payments = list.data?.value ?? [];
  if (payments.length === 0) return null;
  return (
    <section className="card" aria-label={s.payments}>
      <h2>{s.payments}</h2>
      <ul className="timeline">
        {payments.map((one) => (
          <li key={one.paymentId}>
            <time>{formatDay(one.paidDate)}</time>
            <div className="row wrap">
              <span className="grow">
                {one.isCancelled ? <del>{formatMoney(one.amount, currency)}</del> : <strong>{formatMoney(one.amount, currency)}</strong>}
                <span className="muted small">{` ${[one.method && (s.methods[one.method] ?? one.method), one.reference, one.receiptNo].filter(Boolean).join(' · ')}`}</span>
              </span>
              {one.isCancelled && <span className="chip">{s.takenBack}</span>}
              {!one.isCancelled && may('salesorder:write') && !one.receiptNo && <Button onClick={() => setGone(one)}>{s.unpay}</Button>}
              {!one.isCancelled && may('salesorder:write') && one.amount > 0 && <Button onClick={() => setBack(one)}>{s.refund}</Button>}
            </div>
          </li>
        ))}
      </ul>
      {gone && (
        <Confirm
          title={`${s.unpay} ${formatMoney(gone.amount, currency)}`}
          text={<p>{s.unpayText}</p>}
          act={s.unpay}
          onClose={() => setGone(null)}
          run={async () => {
            await call('DELETE', `${pathOf(no)}/payments/${gone.paymentId}`);
            await cache.invalidateQueries({ queryKey: ['salesorder'] });
            toast(s.takenBack);
          }}
        />
      )}
      {back && (
        <Ask
          title={s.refund}
          act={s.refund}
          text={<p>{s.refundText}</p>}
          fields={[
            { id: 'amount', label: t.amount, kind: 'number', required: true },
            { id: 'paidDate', label: s.refundDate, kind: 'date' },
            { id: 'method', label: s.method, kind: 'choice', options: Object.entries(s.methods).map(([value, label]) => ({ value, label })) },
            { id: 'reference', label: t.reference },
            { id: 'note', label: s.note, kind: 'area' },
          ]}
          first={{ amount: back.amount, paidDate: new Date().toLocaleDateString('sv'), method: back.method ?? 'transfer' }}
          onClose={() => setBack(null)}
          save={async (body) => {
            await call('POST', `${pathOf(no)}/payments`, { body: { ...body, amount: -Math.abs(Number(body['amount'])) }, key: crypto.randomUUID() });
            await cache.invalidateQueries({ queryKey: ['salesorder'] });
            toast(s.refunded);
          }}
        />
      )}
    </section>
  );
}

/** The tax invoices, receipts and credit notes of an order. */
export function TaxDocuments({ no }: { no: string }) {
  const s = words('sale').order;
  const cache = useQueryClient();
  const [credit, setCredit] = useState<TaxDocument | null>(null);
  const list = useQuery({ queryKey: ['taxdocument', no], queryFn: ({ signal }) => enquire<TaxDocument>('/v1/taxdocuments/enquiry', { salesOrderNo: no }, null, signal), retry: false });
  const documents = list.data?.rows ?? [];
  return (
    <section className="card" aria-label={s.papers}>
      <h2>{s.papers}</h2>
      {documents.length === 0 ? <p className="muted">{s.noPaper}</p> : (
        <ul className="timeline">
          {documents.map((one) => (
            <li key={one.taxDocumentNo}>
              <time>{formatDay(one.issueDate)}</time>
              <div className="row wrap">
                <span className="grow">
                  <strong>{one.taxDocumentNo}</strong>
                  {` ${lang === 'en' ? one.titleEn : one.title} · ${formatMoney(one.grandTotal, one.currencyCode || 'THB')}`}
                  {one.cancelledByNo && <span className="chip bad">{s.cancelledBy(one.cancelledByNo)}</span>}
                  {one.cancelsNo && <span className="chip">{s.cancels(one.cancelsNo)}</span>}
                </span>
                <DocumentActs kind="taxdocument" no={one.taxDocumentNo} />
                {may('taxdocument:write') && !one.cancelledByNo && !one.cancelsNo && <Button onClick={() => setCredit(one)}>{s.creditNote}</Button>}
              </div>
            </li>
          ))}
        </ul>
      )}
      {credit && (
        <Ask
          title={`${s.creditNote} ${credit.taxDocumentNo}`}
          text={<p>{s.creditText}</p>}
          act={s.creditDo}
          look="danger"
          fields={[
            { id: 'reason', label: s.creditReason, kind: 'area', required: true },
            { id: 'issueDate', label: s.issueDate, kind: 'date' },
          ]}
          first={{ reason: '', issueDate: new Date().toLocaleDateString('sv') }}
          onClose={() => setCredit(null)}
          save={async (body) => {
            await call('POST', `/v1/taxdocuments/${encodeURIComponent(credit.taxDocumentNo)}/credit-note`, { body, key: crypto.randomUUID() });
            await cache.invalidateQueries({ queryKey: ['taxdocument'] });
            void cache.invalidateQueries({ queryKey: ['salesorder'] });
            toast(s.issued);
          }}
        />
      )}
    </section>
  );
}
