import { words } from '../../i18n';

/** Bars of one figure, with what they come to where that can be added up. Whoever does not see them hears the largest, and finds all of them in the table below. */
export function Chart({ title, total, points, format }: { title: string; total?: number | undefined; points: readonly { label: string; value: number }[]; format(value: number): string }) {
  const t = words('sale').report;
  const most = Math.max(...points.map((point) => point.value), 0);
  const top = points.find((point) => point.value === most);
  const wide = 600;
  const high = 140;
  const step = wide / Math.max(points.length, 1);
  return (
    <figure className="card chart">
      <figcaption><strong>{title}</strong>{total !== undefined && <span className="muted small">{` ${t.sum(format(total))}`}</span>}</figcaption>
      <svg viewBox={`0 0 ${wide} ${high}`} role="img" aria-label={t.chart(title, format(most), top?.label ?? '')} preserveAspectRatio="none">
        <line x1="0" y1={high - 1} x2={wide} y2={high - 1} className="chart-line" />
        {points.map((point, index) => {
          const tall = most > 0 ? (point.value / most) * (high - 6) : 0;
          return <rect key={index} x={index * step + step * 0.1} y={high - 1 - tall} width={Math.max(1, step * 0.8)} height={tall} className="chart-bar"><title>{`${point.label}: ${format(point.value)}`}</title></rect>;
        })}
      </svg>
      <p className="row small muted"><span className="grow">{points[0]?.label}</span><span>{points.length > 1 ? points.at(-1)?.label : ''}</span></p>
    </figure>
  );
}
