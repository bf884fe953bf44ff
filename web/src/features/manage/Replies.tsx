import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { say } from '../../api/words';
import type { Reply } from '../../api/types';
import { lang, words } from '../../i18n';
import { RecordForm, type FieldSpec, type Values } from '../../screen/Form';
import { Button, IconButton } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { toast } from '../../ui/Toast';

const PATH = '/v1/console/replies';

/** Answers that are written with a slash and their name. */
export function Replies() {
  const t = words('manage').reply;
  const core = words('core').act;
  const cache = useQueryClient();
  const [open, setOpen] = useState<Reply | 'new' | null>(null);
  const list = useQuery({ queryKey: ['replies'], queryFn: () => call<{ value: Reply[] }>('GET', PATH).then((page) => page.value), retry: false });
  if (list.isError) return null;
  const can = may('chat:write');
  const fields: FieldSpec[] = [
    { id: 'name', label: t.name, required: true, whole: true },
    { id: 'titleTh', label: t.titleTh },
    { id: 'titleEn', label: t.titleEn },
    { id: 'textTh', label: t.textTh, kind: 'area' },
    { id: 'textEn', label: t.textEn, kind: 'area' },
  ];
  const again = () => cache.invalidateQueries({ queryKey: ['replies'] });
  async function save(changed: Values) {
    if (open === 'new') await call('POST', PATH, { body: changed, key: crypto.randomUUID() });
    else if (open) await call('PUT', `${PATH}/${open.id}`, { body: { ...open, ...changed }, match: open.version });
    await again();
    setOpen(null);
  }
  const body = (reply: Reply) => (lang === 'th' ? reply.textTh || reply.textEn : reply.textEn || reply.textTh);
  return (
    <section className="card" aria-label={t.title}>
      <div className="bar">
        <h2 className="grow">{t.title}</h2>
        {can && <Button icon="plus" onClick={() => setOpen('new')}>{t.create}</Button>}
      </div>
      <p className="hint">{t.text}</p>
      <ul className="entries">
        {(list.data ?? []).length === 0 && <li className="muted">{t.none}</li>}
        {(list.data ?? []).map((one) => (
          <li key={one.id} className="bar">
            <strong>{`/${one.name}`}</strong>
            <span className="grow line muted">{body(one)}</span>
            {can && <IconButton icon="note" label={`${core.edit}: /${one.name}`} onClick={() => setOpen(one)} />}
            {can && <IconButton icon="close" label={`${core.remove}: /${one.name}`} onClick={() => { call('DELETE', `${PATH}/${one.id}`).then(() => { toast(t.removed); void again(); }, (error) => toast(say(error), { bad: true })); }} />}
          </li>
        ))}
      </ul>
      {open && (
        <Dialog title={open === 'new' ? t.create : `/${open.name}`} onClose={() => setOpen(null)}>
          <div className="dialog-content">
            <RecordForm fields={fields} first={open === 'new' ? {} : (open as unknown as Values)} making={open === 'new'} save={save} cancel={() => setOpen(null)} />
          </div>
        </Dialog>
      )}
    </section>
  );
}
