import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, call, data, may } from '../../api/client';
import type { components } from '../../api/schema';
import { words } from '../../i18n';
import { formatDay, formatNumber } from '../../i18n/format';
import { attempt, Confirm, Copied } from '../../screen/Ask';
import { IconButton } from '../../ui/Button';
import { FileButton } from '../../ui/FileButton';
import { Dialog } from '../../ui/Dialog';

type File = components['schemas']['AttachedFile'];

/** The files of a customer: put there, opened, shared by a link that ends, deleted. */
export function Files({ code }: { code: string }) {
  const t = words('customer');
  const core = words('core').act;
  const cache = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [gone, setGone] = useState<File | null>(null);
  const [link, setLink] = useState<string | null>(null);
  const can = may('customer:write');
  const path = `/v3/customers/${encodeURIComponent(code)}/files`;
  const list = useQuery({ queryKey: ['customer', code, 'files'], queryFn: () => data(api.GET('/v3/customers/{customerCode}/files', { params: { path: { customerCode: code }, query: { take: 100 } } })), retry: false });
  const again = () => cache.invalidateQueries({ queryKey: ['customer', code, 'files'] });
  async function put(files: globalThis.File[]) {
    const form = new FormData();
    form.append('customerCode', code);
    for (const file of files) form.append('files', file);
    setBusy(true);
    await attempt(call('POST', '/v1/customer/attach-files', { form, key: crypto.randomUUID() }).then(again), t.fileAdded);
    setBusy(false);
  }
  const files = list.data?.value ?? [];
  return (
    <section className="card" aria-label={t.files}>
      <div className="bar">
        <h2 className="grow">{t.files}</h2>
        {can && <FileButton label={t.addFile} multiple busy={busy} choose={(chosen) => void put(chosen)} />}
      </div>
      {files.length === 0 ? <p className="muted">{t.filesNone}</p> : (
        <ul className="timeline">
          {files.map((one) => (
            <li key={one.fileId}>
              <time>{formatDay(one.dateCreated)}</time>
              <div className="row wrap">
                <span className="grow">
                  {one.fileUrl ? <a href={one.fileUrl} target="_blank" rel="noreferrer">{one.fileName}</a> : one.fileName}
                  {one.size != null && <span className="muted small">{` ${t.kilobytes(formatNumber(Math.ceil(one.size / 1000)))}`}</span>}
                  {one.reason && <span className="fault">{` ${one.reason}`}</span>}
                </span>
                {can && <IconButton icon="link" label={`${t.fileLink}: ${one.fileName}`} onClick={() => void attempt(call<{ fileUrl: string }>('POST', `${path}/${one.fileId}/link`, { body: {} }).then((made) => setLink(new URL(made.fileUrl, location.origin).href)))} />}
                {can && <IconButton icon="close" label={`${core.remove}: ${one.fileName}`} onClick={() => setGone(one)} />}
              </div>
            </li>
          ))}
        </ul>
      )}
      {gone && <Confirm title={words('record').sure(gone.fileName)} text={<p>{t.fileGone}</p>} act={core.remove} onClose={() => setGone(null)} run={async () => { await call('DELETE', `${path}/${gone.fileId}`); await again(); }} />}
      {link && (
        <Dialog title={t.fileLink} onClose={() => setLink(null)}>
          <div className="dialog-content">
            <p>{t.fileLinkText}</p>
            <Copied text={link} />
          </div>
        </Dialog>
      )}
    </section>
  );
}
