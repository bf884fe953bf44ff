import { useState } from 'react';
import { call, may, session } from '../api/client';
import { lang, languages, words } from '../i18n';
import { useStore } from '../store';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { toast } from '../ui/Toast';
import { Ask, attempt } from './Ask';
import { fetchFile } from './export';

/** A document that a customer gets on paper. */
export type DocumentKind = 'quotation' | 'salesorder' | 'taxdocument' | 'contract';

const PDF: Record<DocumentKind, string> = { quotation: '/v2/quotation', salesorder: '/v2/salesorder', taxdocument: '/v1/taxdocuments', contract: '/v1/contract' };
const MAIL: Partial<Record<DocumentKind, (no: string) => [string, string]>> = {
  quotation: (no) => [`/v1/quotation/${no}/email`, 'quotation:write'],
  contract: (no) => [`/v1/contract/${no}/send-document`, 'contract:write'],
};

/** "PDF", in either language, and "send by e-mail" where its state lets it go out (`mails`). */
export function DocumentActs({ kind, no, disabled, mails = true, sent }: { kind: DocumentKind; no: string; disabled?: boolean; mails?: boolean; sent?(): void }) {
  const t = words('record').document;
  const [open, setOpen] = useState<'pdf' | 'mail' | null>(null);
  const [copy, setCopy] = useState(false);
  const mail = MAIL[kind]?.(encodeURIComponent(no));
  const offered = useStore(session)?.features;
  const hasPdf = !!offered?.documents;
  // A contract goes out as its document; the e-mail of a quotation has a link, and the document where there is one.
  const hasMail = mails && !!offered?.mail && (kind !== 'contract' || hasPdf);
  const get = (language: 'th' | 'en') => {
    setOpen(null);
    void attempt(fetchFile('GET', `${PDF[kind]}/${encodeURIComponent(no)}/document?format=pdf&lang=${language}${copy ? '&copy=true' : ''}`, null, `${no}.pdf`, 'application/pdf'));
  };
  return (
    <>
      {hasPdf && <Button icon="document" disabled={disabled} aria-label={`${t.pdf} ${no}`} onClick={() => setOpen('pdf')}>{t.pdf}</Button>}
      {hasMail && mail && may(mail[1]) && <Button icon="mail" disabled={disabled} onClick={() => setOpen('mail')}>{t.mail}</Button>}
      {open === 'pdf' && (
        <Dialog title={`${t.pdf} ${no}`} onClose={() => setOpen(null)}>
          <div className="dialog-content">
            <label className="row"><input type="checkbox" checked={copy} onChange={(event) => setCopy(event.target.checked)} />{t.asCopy}</label>
            <div className="bar">
              {(['th', 'en'] as const).map((one) => <Button key={one} look={one === lang ? 'main' : 'plain'} autoFocus={one === lang} onClick={() => get(one)}>{t.inLanguage[one]}</Button>)}
            </div>
          </div>
        </Dialog>
      )}
      {open === 'mail' && mail && (
        <Ask
          title={t.mail}
          act={t.mail}
          fields={[
            { id: 'email', label: t.to, kind: 'email', hint: t.toHint },
            ...(kind === 'quotation' ? [
              { id: 'language', label: t.language, kind: 'choice' as const, options: (['th', 'en'] as const).map((value) => ({ value, label: languages[value] })) },
              { id: 'subject', label: t.subject, hint: t.templateHint },
              { id: 'message', label: t.message, kind: 'area' as const, hint: t.templateHint },
            ] : []),
          ]}
          first={{ email: '', ...(kind === 'quotation' ? { language: lang } : {}) }}
          onClose={() => setOpen(null)}
          save={async (body) => {
            await call('POST', mail[0], { body, key: crypto.randomUUID() });
            toast(t.mailed);
            sent?.();
          }}
        />
      )}
    </>
  );
}
