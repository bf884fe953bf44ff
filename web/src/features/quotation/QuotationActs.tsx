import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { lang, languages, words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { Ask, attempt, Confirm, Copied } from '../../screen/Ask';
import { DocumentActs } from '../../screen/Document';
import type { Values } from '../../screen/Form';
import { MaybeLink } from '../../screen/names';
import { useCommands } from '../../keys';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { toast } from '../../ui/Toast';

/** A link to the page of a quotation. */
export interface PageLink {
  url: string;
  dateExpires: string;
}

/** In these states a quotation may go to its customer: as a draft, waiting to be sent, or sent already. */
const SENDABLE: readonly number[] = [1, 3, 4];

/** What can be done with a quotation in its state. While something is typed and not saved, only looking is offered. */
export function QuotationActs({ no, status, customer, order, dirty, linked }: { no: string; status: number; customer: string; order: string | null; dirty: boolean; linked(link: PageLink): void }) {
  const t = words('work').quotation;
  const s = words('sale').quotation;
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [open, setOpen] = useState<'send' | 'link' | 'reject' | 'cancel' | 'convert' | null>(null);
  const can = may('quotation:write');
  const canSend = can && SENDABLE.includes(status);
  // What the customer accepted is completed, and made an order then.
  const canConvert = can && may('salesorder:write') && !order && (canSend || status === 5);
  const canCancel = can && status !== 5 && status !== 7;
  const again = () => cache.invalidateQueries({ queryKey: ['quotation'] });
  const post = async <T,>(path: string, body: unknown): Promise<T> => {
    const done = await call<T>('POST', `/v1/quotation/${encodeURIComponent(no)}/${path}`, { body, key: crypto.randomUUID() });
    void again();
    void cache.invalidateQueries({ queryKey: ['audit'] });
    return done;
  };
  useCommands(canSend && !dirty ? [{ id: 'quotation.send', label: t.send, group: t.one, keys: ['s'], run: () => setOpen('send') }] : []);
  const close = () => setOpen(null);
  const link = () => post<PageLink>('link', {}).then(linked);
  return (
    <>
      <DocumentActs kind="quotation" no={no} disabled={dirty} mails={canSend} sent={() => void again()} />
      {status === 2 && may('quotation:approve') && <Button look="main" onClick={() => void attempt(post('approve', {}), t.approved)}>{t.approve}</Button>}
      {status === 2 && may('quotation:approve') && <Button onClick={() => setOpen('reject')}>{s.reject}</Button>}
      {canSend && <Button icon="send" keys="s" disabled={dirty} onClick={() => setOpen('send')}>{t.send}</Button>}
      {canSend && <Button icon="link" disabled={dirty} onClick={() => (status === 4 ? void attempt(link()) : setOpen('link'))}>{s.link}</Button>}
      {canConvert && <Button disabled={dirty} onClick={() => setOpen('convert')}>{t.convert}</Button>}
      {order && <MaybeLink to={`/orders/${encodeURIComponent(order)}`} scope="salesorder:read">{`${words('work').order.one} ${order}`}</MaybeLink>}
      {canCancel && <Button look="danger" onClick={() => setOpen('cancel')}>{t.cancel}</Button>}
      {open === 'send' && <Send customer={customer} onClose={close} save={async (body) => { await post('send', body); toast(t.sent); }} />}
      {open === 'link' && <Confirm title={s.linkSure} text={<p>{s.linkSureText}</p>} act={s.linkDo} look="main" onClose={close} run={link} />}
      {open === 'reject' && (
        <Ask title={s.reject} act={s.reject} look="danger" fields={[{ id: 'reason', label: s.reason, kind: 'area', required: true }]} first={{ reason: '' }} onClose={close} save={async (body) => { await post('reject', body); toast(s.rejected); }} />
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
        <Ask title={t.cancel} act={s.cancelDo} look="danger" text={<p>{s.cancelText}</p>} fields={[{ id: 'reason', label: s.reason, kind: 'area' }]} first={{ reason: '' }} onClose={close} save={async (body) => { await post('cancel', { quotationNo: no, ...body }); toast(t.cancelled); }} />
      )}
    </>
  );
}

/** Sends it into a conversation of its customer, the newest one unless another is chosen. */
function Send({ customer, save, onClose }: { customer: string; save(body: Values): Promise<void>; onClose(): void }) {
  const t = words('work').quotation;
  const s = words('sale').quotation;
  const core = words('core');
  const rooms = useQuery({
    queryKey: ['customer', customer, 'rooms'],
    queryFn: () => call<{ value: { reference: string; title: string; date: string }[] }>('GET', `/v3/customers/${encodeURIComponent(customer)}/timeline`, { query: { kinds: 'room', take: 50 } }),
    retry: false,
  });
  const found = rooms.data?.value ?? [];
  if (rooms.isPending || (rooms.isSuccess && found.length === 0))
    return (
      <Dialog title={s.sendTitle} onClose={onClose}>
        <div className="dialog-content">
          <p role="status">{rooms.isPending ? core.loading : s.noRoom}</p>
          <div className="dialog-foot"><Button autoFocus onClick={onClose}>{core.act.back}</Button></div>
        </div>
      </Dialog>
    );
  return (
    <Ask
      title={s.sendTitle}
      text={<p>{s.sendText}</p>}
      act={t.send}
      fields={[
        { id: 'language', label: s.language, kind: 'choice', required: true, options: (['th', 'en'] as const).map((value) => ({ value, label: languages[value] })) },
        // Whoever may not see the customer's conversations sends into the newest.
        ...(found.length ? [{ id: 'roomId', label: s.room, kind: 'choice' as const, required: true, options: found.map((one) => ({ value: one.reference, label: `${one.title} · ${formatTime(one.date)}` })) }] : []),
      ]}
      first={{ language: lang, roomId: found[0]?.reference ?? null }}
      onClose={onClose}
      save={save}
    />
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
