import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { lang, languages, words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { Ask, attempt, Confirm, Copied } from '../../screen/Ask';
import { DocumentActs } from '../../screen/Document';
import { useCommands } from '../../keys';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { toast } from '../../ui/Toast';

/** A link to the page of a quotation. */
export interface PageLink {
  url: string;
  dateExpires: string;
}

/** What can be done with a quotation in its state. While something is typed and not saved, only looking is offered. */
export function QuotationActs({ no, status, dirty, linked }: { no: string; status: number; dirty: boolean; linked(link: PageLink): void }) {
  const t = words('work').quotation;
  const s = words('sale').quotation;
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [open, setOpen] = useState<'send' | 'reject' | 'cancel' | 'convert' | null>(null);
  const can = may('quotation:write') && status < 5;
  const again = () => cache.invalidateQueries({ queryKey: ['quotation'] });
  const post = async <T,>(path: string, body: unknown): Promise<T> => {
    const done = await call<T>('POST', `/v1/quotation/${encodeURIComponent(no)}/${path}`, { body, key: crypto.randomUUID() });
    void again();
    void cache.invalidateQueries({ queryKey: ['audit'] });
    return done;
  };
  useCommands(can && !dirty ? [{ id: 'quotation.send', label: t.send, group: t.one, keys: ['s'], run: () => setOpen('send') }] : []);
  const close = () => setOpen(null);
  return (
    <>
      <DocumentActs kind="quotation" no={no} disabled={dirty} sent={() => void again()} />
      {status === 2 && may('quotation:approve') && <Button look="main" onClick={() => void attempt(post('approve', {}), t.approved)}>{t.approve}</Button>}
      {status === 2 && may('quotation:approve') && <Button onClick={() => setOpen('reject')}>{s.reject}</Button>}
      {can && <Button icon="send" keys="s" disabled={dirty} onClick={() => setOpen('send')}>{t.send}</Button>}
      {can && <Button icon="link" disabled={dirty} onClick={() => void attempt(post<PageLink>('link', {}).then(linked))}>{s.link}</Button>}
      {can && may('salesorder:write') && <Button disabled={dirty} onClick={() => setOpen('convert')}>{t.convert}</Button>}
      {can && <Button look="danger" onClick={() => setOpen('cancel')}>{t.cancel}</Button>}
      {open === 'send' && (
        <Ask
          title={s.sendTitle}
          text={<p>{s.sendText}</p>}
          fields={[
            { id: 'language', label: s.language, kind: 'choice', required: true, options: (['th', 'en'] as const).map((value) => ({ value, label: languages[value] })) },
            { id: 'roomId', label: s.room, hint: s.roomHint },
          ]}
          first={{ language: lang, roomId: null }}
          onClose={close}
          save={async (body) => { await post('send', body); toast(t.sent); }}
        />
      )}
      {open === 'reject' && (
        <Ask title={s.reject} fields={[{ id: 'reason', label: s.reason, kind: 'area', required: true }]} first={{ reason: '' }} onClose={close} save={async (body) => { await post('reject', body); toast(s.rejected); }} />
      )}
      {open === 'convert' && (
        <Confirm
          title={s.convertSure}
          text={<p>{s.convertText}</p>}
          act={t.convert}
          look="main"
          onClose={close}
          run={async () => {
            const made = await post<unknown>('convert-to-salesorder', { QuotationNo: no });
            toast(t.converted);
            const order = numberOf(made);
            if (order) void navigate({ to: `/orders/${encodeURIComponent(order)}` as never });
          }}
        />
      )}
      {open === 'cancel' && (
        <Ask title={t.cancel} text={<p>{s.cancelText}</p>} fields={[{ id: 'reason', label: s.reason, kind: 'area' }]} first={{ reason: '' }} onClose={close} save={async (body) => { await post('cancel', { quotationNo: no, ...body }); toast(t.cancelled); }} />
      )}
    </>
  );
}

/** The link, to be handed over. It outlives the act: making it is a change of the quotation, which is read anew. */
export function LinkDialog({ link, onClose }: { link: PageLink; onClose(): void }) {
  const s = words('sale').quotation;
  return (
    <Dialog title={s.link} onClose={onClose}>
      <div className="dialog-content">
        <p>{s.linkText}</p>
        <Copied text={new URL(link.url, location.origin).href} />
        <p className="muted small">{s.until(formatTime(link.dateExpires))}</p>
      </div>
    </Dialog>
  );
}

/** The order's number, in whichever form the answer has it. */
function numberOf(made: unknown): string | null {
  if (typeof made === 'string') return made;
  const found = (made as Record<string, unknown> | null)?.['salesOrderNo'];
  return typeof found === 'string' ? found : null;
}
