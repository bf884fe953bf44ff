import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { call, may, Refusal, session } from '../../api/client';
import { say } from '../../api/words';
import { languages, words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { Ask, attempt, Confirm } from '../../screen/Ask';
import { fetchFile } from '../../screen/export';
import '../../screen/screen.css';
import { useStore } from '../../store';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { TextArea } from '../../ui/Field';
import { FileButton } from '../../ui/FileButton';
import { Failed, Loading } from '../../ui/State';
import { toast } from '../../ui/Toast';

/** The company's own words and papers: templates of e-mails and of documents, and the logo on these. */
export function Templates() {
  const t = words('manage').template;
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);
  return (
    <div className="page">
      <h1>{t.title}</h1>
      <div className="record">
        <div>
          <Papers />
          {may('setting:write') && <Logo />}
        </div>
        <div>{may('mail:read') && <Letters />}</div>
      </div>
    </div>
  );
}

interface Paper {
  kind: string;
  isStandard: boolean;
  dateModified?: string | null;
}
const PAPERS = '/v1/documents/templates';

function Papers() {
  const t = words('manage').template;
  const cache = useQueryClient();
  const [open, setOpen] = useState<Paper | null>(null);
  const [reset, setReset] = useState<Paper | null>(null);
  const can = may('setting:write');
  const list = useQuery({ queryKey: ['document-templates'], queryFn: () => call<Paper[]>('GET', PAPERS) });
  const again = () => cache.invalidateQueries({ queryKey: ['document-templates'] });
  return (
    <section className="card" aria-label={t.papers}>
      <h2>{t.papers}</h2>
      <p className="hint">{t.papersText}</p>
      {list.isPending ? <Loading /> : list.isError ? <Failed error={list.error} retry={() => void list.refetch()} /> : (
        <ul className="entries">
          {list.data.map((one) => (
            <li key={one.kind} className="bar">
              <span className="grow">
                {t.kinds[one.kind] ?? one.kind}{' '}
                <span className="muted small">{one.isStandard ? t.standard : t.own(one.dateModified ? formatTime(one.dateModified) : '')}</span>
              </span>
              <Button aria-label={`${can ? words('core').act.edit : t.look}: ${t.kinds[one.kind] ?? one.kind}`} onClick={() => setOpen(one)}>{can ? words('core').act.edit : t.look}</Button>
              {can && !one.isStandard && <Button aria-label={`${t.reset}: ${t.kinds[one.kind] ?? one.kind}`} onClick={() => setReset(one)}>{t.reset}</Button>}
            </li>
          ))}
        </ul>
      )}
      {open && <PaperText paper={open} can={can} done={again} onClose={() => setOpen(null)} />}
      {reset && <Confirm title={`${t.reset}: ${t.kinds[reset.kind] ?? reset.kind}`} text={<p>{t.resetText}</p>} act={t.reset} run={() => call('DELETE', `${PAPERS}/${reset.kind}`).then(again)} onClose={() => setReset(null)} />}
    </section>
  );
}

/** The text of a document's template, which is tried on invented data before it is kept. */
function PaperText({ paper, can, done, onClose }: { paper: Paper; can: boolean; done(): Promise<unknown>; onClose(): void }) {
  const t = words('manage').template;
  const core = words('core').act;
  const offered = useStore(session)?.features.documents;
  const [typed, setTyped] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const path = `${PAPERS}/${paper.kind}`;
  const found = useQuery({ queryKey: ['document-templates', paper.kind], queryFn: () => call<{ source: string }>('GET', path) });
  const source = typed ?? found.data?.source ?? '';
  const run = (what: Promise<unknown>) => {
    setBusy(true);
    setError(null);
    return what.then(() => true, (reason) => { setError(reason); return false; }).finally(() => setBusy(false));
  };
  const look = (lang: 'th' | 'en') => void run(fetchFile('POST', `${path}/preview`, { source, lang }, `${paper.kind}.pdf`, 'application/pdf'));
  return (
    <Dialog title={t.kinds[paper.kind] ?? paper.kind} onClose={onClose}>
      <form
        className="dialog-content"
        onSubmit={(event) => {
          event.preventDefault();
          void run(call('PUT', path, { body: { source } }).then(done)).then((kept) => {
            if (!kept) return;
            toast(words('core').saved);
            onClose();
          });
        }}
      >
        {error != null && (
          <div className="notice bad" role="alert">
            {error instanceof Refusal && error.faults.length > 0 ? error.faults.slice(0, 10).map((one, index) => <p key={index}>{one.message}</p>) : <p>{say(error)}</p>}
          </div>
        )}
        {found.isPending ? <Loading /> : found.isError ? <Failed error={found.error} /> : (
          <TextArea label={t.source} className="code" rows={20} spellCheck={false} readOnly={!can} value={source} onChange={(event) => setTyped(event.target.value)} />
        )}
        <div className="dialog-foot">
          {offered && (['th', 'en'] as const).map((one) => <Button key={one} icon="document" busy={busy} onClick={() => look(one)}>{t.preview(languages[one])}</Button>)}
          <Button onClick={onClose}>{core.back}</Button>
          {can && <Button type="submit" look="main" busy={busy} disabled={typed === null}>{core.save}</Button>}
        </div>
      </form>
    </Dialog>
  );
}

function Logo() {
  const t = words('manage').template;
  const [busy, setBusy] = useState(false);
  const [gone, setGone] = useState(false);
  async function put([file]: File[]) {
    if (!file) return;
    setBusy(true);
    await attempt(base64(file).then((content) => call('PUT', '/v1/documents/logo', { body: { content } })), t.logoKept);
    setBusy(false);
  }
  return (
    <section className="card" aria-label={t.logo}>
      <h2>{t.logo}</h2>
      <p className="hint">{t.logoText}</p>
      <div className="bar">
        <FileButton label={t.logoPut} accept="image/png,image/jpeg,image/svg+xml" busy={busy} choose={(files) => void put(files)} />
        <Button onClick={() => setGone(true)}>{t.logoDrop}</Button>
      </div>
      {gone && <Confirm title={t.logoDrop} act={t.logoDrop} run={() => call('DELETE', '/v1/documents/logo')} onClose={() => setGone(false)} />}
    </section>
  );
}

/** What a file holds, as the API takes it within JSON. */
function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(reader.error ?? new Error('the file cannot be read'));
    reader.readAsDataURL(file);
  });
}

interface Letter {
  kind: string;
  language: 'th' | 'en';
  subject: string;
  text: string;
  places: string[];
  isStandard: boolean;
  version: number;
}
const LETTERS = '/v1/mail/templates';

function Letters() {
  const t = words('manage').template;
  const cache = useQueryClient();
  const [open, setOpen] = useState<Letter | null>(null);
  const [reset, setReset] = useState<Letter | null>(null);
  const can = may('mail:write');
  const list = useQuery({ queryKey: ['mail-templates'], queryFn: () => call<{ value: Letter[] }>('GET', LETTERS).then((page) => page.value) });
  const again = () => cache.invalidateQueries({ queryKey: ['mail-templates'] });
  const name = (one: Letter) => `${t.letterKinds[one.kind] ?? one.kind} · ${languages[one.language]}`;
  const path = (one: Letter) => `${LETTERS}/${one.kind}/${one.language}`;
  return (
    <section className="card" aria-label={t.letters}>
      <h2>{t.letters}</h2>
      {list.isPending ? <Loading /> : list.isError ? <Failed error={list.error} retry={() => void list.refetch()} /> : (
        <ul className="entries">
          {list.data.map((one) => (
            <li key={`${one.kind} ${one.language}`} className="bar">
              <span className="grow">
                {name(one)}{' '}
                <span className="muted small">{one.isStandard ? t.standard : one.subject}</span>
              </span>
              {can && <Button aria-label={`${words('core').act.edit}: ${name(one)}`} onClick={() => setOpen(one)}>{words('core').act.edit}</Button>}
              {can && !one.isStandard && <Button aria-label={`${t.reset}: ${name(one)}`} onClick={() => setReset(one)}>{t.reset}</Button>}
            </li>
          ))}
        </ul>
      )}
      {open && (
        <Ask
          title={name(open)}
          text={<p className="hint">{t.places(open.places.map((place) => `{${place}}`).join(' '))}</p>}
          fields={[
            { id: 'subject', label: t.subject, required: true, whole: true },
            { id: 'text', label: t.text, kind: 'area', required: true },
          ]}
          first={{ subject: open.subject, text: open.text }}
          onClose={() => setOpen(null)}
          save={async (values) => {
            await call('PUT', path(open), { body: values, match: open.version });
            await again();
            toast(words('core').saved);
          }}
        />
      )}
      {reset && <Confirm title={`${t.reset}: ${name(reset)}`} text={<p>{t.resetText}</p>} act={t.reset} run={() => call('DELETE', path(reset), { match: reset.version }).then(again)} onClose={() => setReset(null)} />}
    </section>
  );
}
