import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Fragment, useEffect } from 'react';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatNumber } from '../../i18n/format';
import { attempt } from '../../screen/Ask';
import { download, downloadSheet } from '../../screen/export';
import type { Asked } from '../../screen/List';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { SelectField } from '../../ui/Field';
import { DateField } from '../../ui/DateField';
import { Empty, Failed, Loading } from '../../ui/State';
import { Chart } from './Chart';
import './report.css';
import { Sales } from './Sales';
import { formatFigure, groupLabel, valueOf, type Row } from './shown';

interface Kind {
  name: string;
  description: string;
  groupBy: string[];
  figures: string[];
}
const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toLocaleDateString('sv');

/** Figures of a period: a picture of each, and all of them as a table that can be taken along. */
export function Reports() {
  const t = words('sale').report;
  const asked = useSearch({ strict: false }) as Asked;
  const navigate = useNavigate();
  const kinds = useQuery({ queryKey: ['report'], queryFn: () => call<{ value: Kind[] }>('GET', '/v1/reports'), staleTime: Infinity });
  const sales = may('salesorder:read');
  const name = asked['report'] ?? kinds.data?.value[0]?.name ?? '';
  const kind = kinds.data?.value.find((one) => one.name === name);
  const by = kind?.groupBy.includes(asked['by'] ?? '') ? asked['by'] ?? '' : kind?.groupBy[0] ?? '';
  const from = asked['from'] ?? day(-29);
  const to = asked['to'] ?? day(0);
  const ask = (change: Asked) => void navigate({ to: '/reports' as never, search: { ...asked, ...change } as never, replace: true });
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);
  if (kinds.isPending) return <Loading />;
  if (kinds.isError) return <Failed error={kinds.error} retry={() => void kinds.refetch()} />;
  return (
    <div className="page">
      <header className="page-head"><h1>{t.title}</h1></header>
      <form className="form-grid" role="search" aria-label={t.title} onSubmit={(event) => event.preventDefault()}>
        <SelectField label={t.which} value={name} onChange={(event) => ask({ report: event.target.value, by: undefined })}>
          {kinds.data.value.map((one) => <option key={one.name} value={one.name}>{t.names[one.name] ?? one.name}</option>)}
          {sales && <option value="sales">{t.names['sales']}</option>}
        </SelectField>
        <DateField label={t.from} value={from} onChange={(value) => ask({ from: value ?? undefined })} />
        <DateField label={t.to} value={to} onChange={(value) => ask({ to: value ?? undefined })} />
        {kind && (
          <SelectField label={t.by} value={by} onChange={(event) => ask({ by: event.target.value })}>
            {kind.groupBy.map((one) => <option key={one} value={one}>{t.bys[one] ?? one}</option>)}
          </SelectField>
        )}
      </form>
      {kind ? <Figures key={name} kind={kind} by={by} from={from} to={to} /> : name === 'sales' ? <Sales from={from} to={to} /> : null}
    </div>
  );
}

function Figures({ kind, by, from, to }: { kind: Kind; by: string; from: string; to: string }) {
  const t = words('sale').report;
  const query = new URLSearchParams({ from, to, groupBy: by });
  const path = `/v1/reports/${kind.name}?${query.toString()}`;
  const found = useQuery({ queryKey: ['report', kind.name, by, from, to], queryFn: ({ signal }) => call<{ value: Row[] }>('GET', path, { signal }), placeholderData: (before) => before });
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const rows = found.data.value;
  if (rows.length === 0) return <Empty icon="activity" title={t.none} />;
  const groups = [...new Set(rows.map((row) => row.group))];
  const figures = kind.figures.filter((figure) => rows.some((row) => row.figure === figure));
  const label = (group: string) => (kind.name === 'expenses' ? words('sale').expense.kinds[group] : undefined) ?? groupLabel(by, group, rows.find((row) => row.group === group)?.groupName);
  // What is measured is shown beside how many it was measured of.
  const measured = (figure: string) => rows.some((row) => row.figure === figure && (row.average !== null || row.total !== null));
  const count = (group: string, figure: string) => rows.find((one) => one.group === group && one.figure === figure)?.count ?? 0;
  const value = (group: string, figure: string) => valueOf(rows.find((one) => one.group === group && one.figure === figure));
  // An average has no sum.
  const sum = (figure: string) => (rows.some((row) => row.figure === figure && row.total === null && row.average !== null) ? undefined : groups.reduce((all, group) => all + value(group, figure), 0));
  const format = (figure: string) => {
    const isMoney = rows.some((row) => row.figure === figure && row.total !== null);
    return (number: number) => formatFigure(figure, isMoney, number);
  };
  return (
    <>
      <div className="bar">
        <Button icon="import" onClick={() => void attempt(download('GET', path, null, `${kind.name}.csv`))}>{t.csv}</Button>
        <Button icon="import" onClick={() => void attempt(downloadSheet('GET', path, null, `${kind.name}.xlsx`))}>{t.xlsx}</Button>
      </div>
      <div className="charts">
        {figures.map((figure) => <Chart key={figure} title={t.figures[figure] ?? figure} total={sum(figure)} points={groups.map((group) => ({ label: label(group), value: value(group, figure) }))} format={format(figure)} />)}
      </div>
      <div className="table-wrap" tabIndex={0} role="region" aria-label={t.names[kind.name] ?? kind.name}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t.bys[by] ?? t.group}</th>
              {figures.map((figure) => (
                <Fragment key={figure}>
                  <th scope="col" className="number">{t.figures[figure] ?? figure}</th>
                  {measured(figure) && <th scope="col" className="number">{t.count}</th>}
                </Fragment>
              ))}
            </tr>
          </thead>
          <tbody>
            {groups.map((group) => (
              <tr key={group}>
                <th scope="row">{label(group)}</th>
                {figures.map((figure) => (
                  <Fragment key={figure}>
                    <td className="number">{measured(figure) && count(group, figure) === 0 && rows.every((row) => row.figure !== figure || row.total === null) ? '–' : format(figure)(value(group, figure))}</td>
                    {measured(figure) && <td className="number">{formatNumber(count(group, figure))}</td>}
                  </Fragment>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
