import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { exchange, may, session } from '../../api/client';
import { words } from '../../i18n';
import type { FieldSpec, Values } from '../../screen/Form';
import { customerPicker, employeePicker } from '../../screen/Pick';
import { day, SaleEditor, type SaleKind } from '../../screen/SaleEditor';
import '../../screen/screen.css';
import { Failed, Loading } from '../../ui/State';
import { LinkDialog, QuotationActs, type PageLink } from './QuotationActs';
import { Revisions } from './Revisions';

const KIND: SaleKind = { query: 'quotation', path: '/v2/quotation', key: 'quotationNo', subject: 'quotationSubject', lines: 'quotationDetails', linesRead: 'quotationDetails', listAt: '/quotations', audit: 'quotation' };

/** A quotation: its editor, its acts, and its revisions. */
export function QuotationPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const t = words('work').quotation;
  const no = id === 'new' ? null : id;
  const [link, setLink] = useState<PageLink | null>(null);
  const [blank] = useState<Values>(() => ({ quotationStatus: 1, quotationDate: day(0), quotationValidUntil: day(30), vatCalculation: true, discountType: true, staffCode: session.get()?.user.staffCode ?? null }));
  const found = useQuery({ queryKey: ['quotation', no], queryFn: () => exchange<Values>('GET', `/v1/quotation/${encodeURIComponent(no ?? '')}`), enabled: no !== null });
  if (no !== null && found.isPending) return <Loading />;
  if (no !== null && found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const first: Values = no === null ? blank : found.data?.data ?? {};
  const status = Number(first['quotationStatus'] ?? 1);
  const fields: FieldSpec[] = [
    { id: 'quotationSubject', label: t.subject, required: true, whole: true },
    { id: 'customerCode', label: t.customer, kind: 'pick', required: true, picker: customerPicker(t.customer), named: 'customerName' },
    { id: 'staffCode', label: t.staff, kind: 'pick', required: true, picker: employeePicker(t.staff) },
    { id: 'quotationDate', label: t.date, kind: 'date', required: true },
    { id: 'quotationValidUntil', label: t.until, kind: 'date', required: true },
    { id: 'quotationStatus', label: t.status, kind: 'choice', required: true, options: Object.entries(t.statuses).map(([value, label]) => ({ value: Number(value), label })).filter(({ value }) => value <= 4 || value === status) },
    { id: 'recipientName', label: t.recipient },
    { id: 'paymentTerm', label: t.term },
    { id: 'recipientAddress', label: t.address, kind: 'area' },
    { id: 'remark', label: t.remark, kind: 'area' },
  ];
  return (
    <>
      <SaleEditor
        key={id}
        kind={KIND}
        no={no}
        first={first}
        version={found.data?.version ?? null}
        again={async () => (await found.refetch()).data?.data ?? first}
        fields={fields}
        making={t.create}
        saved={t.saved}
        can={may('quotation:write') && status !== 5 && status !== 7}
        fixed={t.fixed}
        marks={<span className="chip info">{t.statuses[status]}</span>}
        acts={(dirty) => no && <QuotationActs no={no} status={status} customer={String(first['customerCode'] ?? '')} order={(first['salesOrderNo'] as string | null | undefined) || null} dirty={dirty} linked={setLink} />}
        aside={no && <Revisions no={no} />}
      />
      {link && <LinkDialog link={link} onClose={() => setLink(null)} />}
    </>
  );
}
