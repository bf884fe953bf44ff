import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { call } from '../../api/client';
import { words } from '../../i18n';
import { formatMoney, formatMonth, formatNumber } from '../../i18n/format';
import { attempt } from '../../screen/Ask';
import { download, downloadSheet } from '../../screen/export';
import type { Asked } from '../../screen/List';
import { Button } from '../../ui/Button';
import { SelectField } from '../../ui/Field';
import { Empty, Failed, Loading } from '../../ui/State';
import { Chart } from './Chart';

interface Row {
  code: string;
  name: string;
  orders: number;
  netTotal?: number;
  net_total?: number;
}
interface Due {
  currencyCode: string;
  notDue: number;
  days30: number;
  days60: number;
  days90: number;
  older: number;
  total: number;
}

/** So many groups are asked for; of more the total is not known here. */
const MOST = 200;
const BY = ['month', 'product', 'customer', 'employee'] as const;
const DUE = ['notDue', 'days30', 'days60', 'days90', 'older', 'total'] as const;
const nameOf = (row: Row, by: string) => (by === 'month' && /^\d{4}-\d\d$/.test(row.code) ? formatMonth(row.code) : row.name || row.code);
const net = (row: Row) => row.netTotal ?? row.net_total ?? 0;

/** What was sold in a period, and what is still to be paid. */
export function Sales({ from, to }: { from: string; to: string }) {
  const t = words('sale').report;
  const asked = useSearch({ strict: false }) as Asked;
  const navigate = useNavigate();
  const by = BY.find((one) => one === asked['by']) ?? 'month';
  const path = `/v1/sales/report?${new URLSearchParams({ by, dateFrom: from, dateTo: to, take: String(MOST) }).toString()}`;
  const found = useQuery({ queryKey: ['report', 'sales', path], queryFn: ({ signal }) => call<{ value: Row[] }>('GET', path, { signal }), placeholderData: (before) => before });
  const due = useQuery({ queryKey: ['report', 'receivables'], queryFn: () => call<{ value: Due[] }>('GET', '/v1/sales/receivables') });
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const rows = found.data.value;
  return (
    <>
      <div className="bar">
        <SelectField label={t.by} value={by} onChange={(event) => void navigate({ to: '/reports' as never, search: { ...asked, by: event.target.value } as never, replace: true })}>
          {BY.map((one) => <option key={one} value={one}>{t.bys[one]}</option>)}
        </SelectField>
        <Button icon="import" onClick={() => void attempt(download('GET', path, null, 'sales.csv'))}>{t.csv}</Button>
        <Button icon="import" onClick={() => void attempt(downloadSheet('GET', path, null, 'sales.xlsx'))}>{t.xlsx}</Button>
      </div>
      {rows.length === 0 ? <Empty icon="cart" title={t.none} /> : (
        <>
          <Chart title={t.net} total={rows.length < MOST ? rows.reduce((all, row) => all + net(row), 0) : undefined} points={rows.slice(0, 40).map((row) => ({ label: nameOf(row, by), value: net(row) }))} format={formatMoney} />
          <div className="table-wrap" tabIndex={0} role="region" aria-label={t.names['sales']}>
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{t.bys[by]}</th>
                  <th scope="col" className="number">{t.orders}</th>
                  <th scope="col" className="number">{t.net}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.code}>
                    <th scope="row">{nameOf(row, by)}</th>
                    <td className="number">{formatNumber(row.orders)}</td>
                    <td className="number">{formatMoney(net(row))}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      {(due.data?.value ?? []).length > 0 && (
        <section className="card">
          <h2>{t.receivables}</h2>
          <div className="table-wrap" tabIndex={0} role="region" aria-label={t.receivables}>
            <table className="table">
              <thead><tr>{DUE.map((one) => <th key={one} scope="col" className="number">{t.dues[one]}</th>)}</tr></thead>
              <tbody>
                {due.data?.value.map((row) => <tr key={row.currencyCode}>{DUE.map((one) => <td key={one} className="number">{formatMoney(row[one], row.currencyCode)}</td>)}</tr>)}
              </tbody>
            </table>
          </div>
        </section>
      )}
    </>
  );
}
