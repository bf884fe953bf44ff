import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, may } from '../../api/client';
import { say } from '../../api/words';
import type { Entry } from '../../api/types';
import { lang, words } from '../../i18n';
import { attempt, Confirm, Copied } from '../../screen/Ask';
import { RecordForm, type FieldSpec, type Values } from '../../screen/Form';
import { Button, IconButton } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Check } from '../../ui/Field';
import { toast } from '../../ui/Toast';

const PATH = '/v1/console/sso';
const pathOf = (id: string) => `${PATH}/${encodeURIComponent(id)}`;

interface Provider {
  id: string;
  name: string;
  nameEn: string | null;
  issuer: string;
  clientId: string;
  hasSecret: boolean;
  domains: string[];
  trustEmail: boolean;
  joinRole: Entry | null;
  isActive: boolean;
  redirectUri: string;
}

/** Single sign-on: the company's identity providers, and whether a password is good beside them. */
export function Sso() {
  const t = words('manage').sso;
  const core = words('core').act;
  const cache = useQueryClient();
  const [open, setOpen] = useState<Provider | 'new' | null>(null);
  const [going, setGoing] = useState<Provider | null>(null);
  const list = useQuery({ queryKey: ['sso'], queryFn: () => call<{ value: Provider[] }>('GET', PATH).then((page) => page.value), retry: false });
  const setting = useQuery({ queryKey: ['setting', 'sso'], queryFn: () => call<{ ssoOnly: boolean }>('GET', '/v1/setting'), retry: false });
  if (list.isError) return null;
  const rows = list.data ?? [];
  const again = () => cache.invalidateQueries({ queryKey: ['sso'] });
  const only = (ssoOnly: boolean) => attempt(call('PUT', '/v1/setting', { body: { ssoOnly } }).then(() => cache.invalidateQueries({ queryKey: ['setting'] })), words('core').saved);
  async function check(one: Provider) {
    const said = await call<{ isGood: boolean; code: string | null; problem: string | null }>('POST', `${pathOf(one.id)}/check`, { body: {} });
    if (said.isGood) toast(t.good);
    else toast(`${t.problems[said.code ?? ''] ?? t.bad} (${said.problem})`, { bad: true });
  }
  return (
    <section className="card" aria-label={t.title}>
      <div className="bar">
        <h2 className="grow">{t.title}</h2>
        <Button icon="plus" onClick={() => setOpen('new')}>{t.create}</Button>
      </div>
      <p className="hint">{t.text}</p>
      <ul className="entries">
        {rows.length === 0 && <li className="muted">{t.none}</li>}
        {rows.map((one) => {
          const name = (lang === 'en' && one.nameEn) || one.name;
          return (
            <li key={one.id} className="bar">
              <strong>{name}</strong>
              <span className="grow line muted">{one.issuer}</span>
              <span className={`chip ${one.isActive ? 'good' : ''}`}>{one.isActive ? t.on : t.off}</span>
              <Button onClick={() => { check(one).catch((error) => toast(say(error), { bad: true })); }} aria-label={`${t.check}: ${name}`}>{t.check}</Button>
              <IconButton icon="note" label={`${core.edit}: ${name}`} onClick={() => setOpen(one)} />
              <IconButton icon="close" label={`${core.remove}: ${name}`} onClick={() => setGoing(one)} />
            </li>
          );
        })}
      </ul>
      {setting.data && may('setting:write') && (rows.length > 0 || setting.data.ssoOnly) && (
        <Check label={t.only} hint={t.onlyHint} checked={setting.data.ssoOnly} onChange={(event) => void only(event.target.checked)} />
      )}
      {open && <Editor key={open === 'new' ? 'new' : open.id} provider={open === 'new' ? null : open} close={() => setOpen(null)} saved={(one) => { void again(); setOpen(one); }} />}
      {going && (
        <Confirm title={t.removeTitle(going.name)} text={t.removeText} act={core.remove} onClose={() => setGoing(null)} run={() => call('DELETE', pathOf(going.id)).then(() => { toast(t.removed); return again(); })} />
      )}
    </section>
  );
}

/** One provider. After it was entered it stays open: now the provider must learn the address that leads back. */
function Editor({ provider, close, saved }: { provider: Provider | null; close(): void; saved(one: Provider | null): void }) {
  const t = words('manage').sso;
  const fields: FieldSpec[] = [
    { id: 'name', label: t.name, required: true },
    { id: 'nameEn', label: t.nameEn },
    { id: 'issuer', label: t.issuer, required: true, whole: true, hint: t.issuerHint },
    { id: 'clientId', label: t.clientId, required: true },
    { id: 'secret', label: t.secret, hint: provider?.hasSecret ? t.secretKept : t.secretHint },
    { id: 'domains', label: t.domains, kind: 'names', whole: true },
    { id: 'joinRoleId', label: t.join, kind: 'choice', list: 'roles', ids: true, hint: t.joinHint },
    { id: 'trustEmail', label: t.trust, kind: 'yes' },
    { id: 'isActive', label: t.active, kind: 'yes' },
  ];
  const [begun] = useState<Values>(() => (provider ? { ...provider, joinRoleId: provider.joinRole?.id ?? null } : { isActive: true, domains: [] }));
  async function save(changed: Values) {
    const { secret, joinRoleId, ...rest } = changed;
    const body = {
      ...rest,
      // A field that was left empty keeps the secret that is there.
      ...(secret ? { secret } : {}),
      ...(joinRoleId === undefined ? {} : { joinRoleId: joinRoleId === null ? null : String(joinRoleId) }),
    };
    if (provider) {
      await call('PATCH', pathOf(provider.id), { body });
      toast(words('core').saved);
      saved(null);
    } else saved(await call<Provider>('POST', PATH, { body, key: crypto.randomUUID() }));
  }
  return (
    <Dialog title={provider ? provider.name : t.create} onClose={close}>
      <div className="dialog-content">
        {provider && (
          <div>
            <p className="hint">{t.redirect}</p>
            <Copied text={provider.redirectUri} />
          </div>
        )}
        <RecordForm fields={fields} first={begun} making={!provider} save={save} cancel={close} />
      </div>
    </Dialog>
  );
}
