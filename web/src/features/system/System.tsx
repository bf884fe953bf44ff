import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { call } from '../../api/client';
import { words } from '../../i18n';
import { formatNumber, formatSpan, formatTime } from '../../i18n/format';
import '../../screen/screen.css';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Failed, Loading } from '../../ui/State';

interface Finding {
  code: string;
  ok: boolean;
  subject: string | null;
  number: number | null;
  message: string;
}
interface Server {
  version: string;
  database: string;
  schemaVersion: number;
  publicUrl: string | null;
  waitingJobs: number;
  failedJobs: number;
  backup: { at: number; bytes: number; withMedia: boolean } | null;
  findings: Finding[];
  now: number;
}

/** Where one mends it. */
const PLACES: Record<string, string> = { jobs_failed: '/jobs', webhook: '/webhooks', account: '/channels', account_silent: '/channels' };

/** The server: what needs somebody's eye, its version, the age of its backup. */
export function System() {
  const t = words('admin').system;
  const found = useQuery({ queryKey: ['system'], queryFn: () => call<Server>('GET', '/v1/system'), refetchInterval: 60_000 });
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  const system = found.data;
  const bad = system.findings.filter((one) => !one.ok);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t.title}</h1>
        <Button busy={found.isFetching} onClick={() => void found.refetch()}>{t.lookAgain}</Button>
      </header>
      <p className={`notice ${bad.length ? 'warn' : 'good'}`} role="status">{bad.length ? t.bad(bad.length) : t.good}</p>
      <div className="record">
        <section className="card" aria-label={t.findings}>
          <h2>{t.findings}</h2>
          <ul className="timeline">
            {system.findings.map((one, index) => (
              <li key={index}>
                <span className={`chip ${one.ok ? 'good' : 'bad'}`}><Icon name={one.ok ? 'check' : 'warning'} size={14} />{one.ok ? t.well : t.notWell}</span>
                <div>
                  <p>{told(one)}</p>
                  {!one.ok && t.hints[one.code] && <p className="muted small">{t.hints[one.code]}</p>}
                  {!one.ok && PLACES[one.code] && <Link to={PLACES[one.code] as never}>{t.look}</Link>}
                </div>
              </li>
            ))}
          </ul>
        </section>
        <div>
          <section className="card" aria-label={t.backup}>
            <h2>{t.backup}</h2>
            {system.backup ? (
              <dl className="pairs">
                <dt>{t.backupAt}</dt>
                <dd>{formatTime(system.backup.at)}</dd>
                <dt>{t.age}</dt>
                <dd>{formatSpan(system.now - system.backup.at)}</dd>
                <dt>{t.size}</dt>
                <dd>{t.megabytes(formatNumber(Math.ceil(system.backup.bytes / 1_000_000)))}</dd>
                <dt>{t.media}</dt>
                <dd>{system.backup.withMedia ? words('core').list.yes : words('core').list.no}</dd>
              </dl>
            ) : (
              <p className="muted">{system.database === 'sqlite' ? t.noBackup : t.postgres}</p>
            )}
          </section>
          <section className="card" aria-label={t.server}>
            <h2>{t.server}</h2>
            <dl className="pairs">
              <dt>{t.version}</dt>
              <dd>{system.version}</dd>
              <dt>{t.database}</dt>
              <dd>{system.database === 'sqlite' ? 'SQLite' : 'PostgreSQL'}</dd>
              <dt>{t.schema}</dt>
              <dd>{system.schemaVersion}</dd>
              <dt>{t.address}</dt>
              <dd>{system.publicUrl ?? <span className="muted">{words('core').list.unset}</span>}</dd>
              <dt>{t.waiting}</dt>
              <dd>{formatNumber(system.waitingJobs)}</dd>
              <dt>{t.failed}</dt>
              <dd>{formatNumber(system.failedJobs)}</dd>
            </dl>
          </section>
        </div>
      </div>
    </div>
  );
}

/** A finding in the person's language. */
function told(one: Finding): string {
  const t = words('admin').system;
  const number = formatNumber(one.number ?? 0);
  const subject = one.subject ?? '';
  const texts: Record<string, string> = {
    schema: one.ok ? t.schemaGood : t.schemaBad,
    media: one.ok ? t.mediaGood : t.mediaBad,
    disk: t.disk(number),
    jobs_late: one.ok ? t.jobsGood : t.jobsLate(number),
    jobs_failed: one.ok ? t.noneFailed : t.jobsFailed(number),
    webhook: one.ok ? t.webhookGood(subject) : t.webhookBad(subject),
    account: one.ok ? t.accountGood(subject) : t.accountBad(subject),
    account_silent: t.accountSilent(subject),
    backup: one.number === null ? t.backupNever : t.backupDays(number),
  };
  return texts[one.code] ?? one.message;
}
