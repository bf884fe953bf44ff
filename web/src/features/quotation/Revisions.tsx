import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { words } from '../../i18n';
import { formatMoney, formatTime } from '../../i18n/format';
import type { Values } from '../../screen/Form';
import { Changes, useAuditWords } from '../../screen/Changes';
import { Button } from '../../ui/Button';
import { Failed, Loading } from '../../ui/State';

interface Revision {
  revision: number;
  quotation: Values;
  dateReplaced: string | null;
}

/** The revisions of a quotation, and what one changed. */
export function Revisions({ no }: { no: string }) {
  const s = words('sale').quotation;
  const [shown, setShown] = useState<number | null>(null);
  const path = `/v1/quotation/${encodeURIComponent(no)}/revisions`;
  const list = useQuery({ queryKey: ['quotation', no, 'revisions'], queryFn: () => call<{ value: Revision[] }>('GET', path), retry: false });
  const revisions = list.data?.value ?? [];
  if (revisions.length < 2) return null;
  return (
    <section className="card" aria-label={s.revisions}>
      <h2>{s.revisions}</h2>
      <ul className="results">
        {revisions.map((one, index) => (
          <li key={one.revision}>
            <div className="row wrap">
              <span className="grow">
                {s.revision(one.revision)}
                {index === 0 && <>{' '}<span className="chip good">{s.present}</span></>}
                <span className="muted small">{` ${formatMoney((one.quotation['grandTotal'] as string) ?? 0, String(one.quotation['currencyCode'] || 'THB'))}${one.dateReplaced ? ` · ${formatTime(one.dateReplaced)}` : ''}`}</span>
              </span>
              {index < revisions.length - 1 && <Button aria-expanded={shown === one.revision} aria-label={`${s.compare}: ${s.revision(one.revision)}`} onClick={() => setShown(shown === one.revision ? null : one.revision)}>{s.compare}</Button>}
            </div>
            {shown === one.revision && <Comparison path={path} from={revisions[index + 1]?.revision ?? 0} to={one.revision} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Comparison({ path, from, to }: { path: string; from: number; to: number }) {
  const s = words('sale').quotation;
  const found = useQuery({ queryKey: ['quotation', path, from, to], queryFn: () => call<{ changes: Record<string, unknown> }>('GET', `${path}/compare`, { query: { from, to } }), staleTime: Infinity });
  const isReady = useAuditWords();
  if (found.isPending || !isReady) return <Loading />;
  if (found.isError) return <Failed error={found.error} />;
  if (Object.keys(found.data.changes).length === 0) return <p className="muted">{s.nothingDiffers}</p>;
  return (
    <div>
      <Changes kind="quotation" action="updated" changes={found.data.changes} />
    </div>
  );
}
