import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, may, Refusal } from '../api/client';
import { lang, languages, words } from '../i18n';
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

/** Whether this server has an operation: asked once, about a record that cannot be. What is no operation names no field. */
function useOffered(path: string | undefined): boolean {
  const found = useQuery({
    queryKey: ['offered', path],
    queryFn: async () => {
      try {
        await call('GET', path ?? '');
        return true;
      } catch (error) {
        if (!(error instanceof Refusal) || error.status === 0) throw error;
        return error.status !== 404 || !!error.faults[0]?.field;
      }
    },
    enabled: path !== undefined,
    staleTime: Infinity,
    gcTime: Infinity,
    retry: false,
  });
  return found.data ?? false;
}

/** "PDF", in either language, and "send by e-mail". */
export function DocumentActs({ kind, no, disabled, sent }: { kind: DocumentKind; no: string; disabled?: boolean; sent?(): void }) {
  const t = words('record').document;
  const [open, setOpen] = useState<'pdf' | 'mail' | null>(null);
  const [copy, setCopy] = useState(false);
  const mail = MAIL[kind]?.(encodeURIComponent(no));
  const hasPdf = useOffered(`${PDF[kind]}/-/document?format=none`);
  const hasMail = useOffered(MAIL[kind]?.('-')[0]);
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
              {(['th', 'en'] as const).map((one) => <Button key={one} look={one === lang ? 'main' : 'plain'} autoFocus={one === lang} onClick={() => get(one)}>{t.inLanguage(languages[one])}</Button>)}
            </div>
          </div>
        </Dialog>
      )}
      {open === 'mail' && mail && (
        <Ask
          title={t.mail}
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
