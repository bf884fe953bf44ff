import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call, may, session } from '../../api/client';
import { faults, say } from '../../api/words';
import type { Entry } from '../../api/types';
import { lang, words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { useChoices } from '../../screen/choices';
import { ListScreen } from '../../screen/List';
import '../../screen/screen.css';
import { Refused } from '../../screen/Refused';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Field';
import { toast } from '../../ui/Toast';
import { copy } from '../../ui/copy';

interface User {
  id: string;
  email: string;
  name: string;
  nickname: string | null;
  staffCode: string | null;
  role: Entry;
  team: Entry | null;
  isActive: boolean;
  hasTotp: boolean;
  lastSignInAt: number | null;
  version: number;
  state: 'active' | 'invited' | 'disabled';
}
interface Link {
  url: string;
  expiresAt: number;
  mailed: boolean;
}

/** Who may sign in, and what they may do. */
export function Users() {
  const t = words('manage').user;
  const cache = useQueryClient();
  const [inviting, setInviting] = useState(false);
  const [link, setLink] = useState<Link | null>(null);
  const [open, setOpen] = useState<User | null>(null);
  const can = may('user:write');
  const again = () => cache.invalidateQueries({ queryKey: ['user'] });
  return (
    <>
      <ListScreen<User>
        title={t.title}
        icon="key"
        at="/users"
        kind="user"
        empty={t.empty}
        create={can ? { label: t.create, run: () => setInviting(true) } : undefined}
        rowActs={can ? [{ id: 'edit', label: words('core').act.edit, keys: ['i'], run: setOpen }] : []}
        idOf={(row) => row.id}
        fetch={async (asked) => ({ rows: (await call<{ value: User[] }>('GET', '/v1/console/users', { query: { keyword: asked['q'] } })).value, next: null })}
        columns={[
          { id: 'name', label: t.name, show: (row) => (can ? <button type="button" className="link" onClick={() => setOpen(row)}>{row.nickname ? `${row.nickname} · ${row.name}` : row.name}</button> : row.name) },
          { id: 'email', label: t.email, show: (row) => row.email, wide: true },
          { id: 'role', label: t.role, show: (row) => (lang === 'en' && row.role.nameEn) || row.role.name },
          { id: 'team', label: t.team, show: (row) => row.team?.name ?? '', wide: true },
          { id: 'state', label: t.state, show: (row) => <span className={`chip ${row.state === 'active' ? 'good' : row.state === 'invited' ? 'info' : ''}`}>{t.states[row.state]}</span> },
          { id: 'factor', label: t.factor, show: (row) => (row.hasTotp ? words('core').list.yes : words('core').list.no), wide: true },
          { id: 'last', label: t.last, show: (row) => (row.lastSignInAt ? formatTime(row.lastSignInAt) : t.never), wide: true },
        ]}
      />
      {inviting && <Invite close={() => setInviting(false)} done={(made) => { setInviting(false); setLink(made); void again(); }} />}
      {open && <Person key={open.id} user={open} close={() => setOpen(null)} again={again} setLink={setLink} />}
      {link && (
        <Dialog title={t.linkTitle} onClose={() => setLink(null)}>
          <div className="dialog-content">
            <p>{t.linkText}</p>
            {link.mailed && <p className="notice good">{t.linkMailed}</p>}
            <TextField label={t.linkTitle} readOnly autoFocus value={new URL(link.url, location.origin).href} onFocus={(event) => event.target.select()} />
            <div className="dialog-foot">
              <Button look="main" onClick={() => void copy(new URL(link.url, location.origin).href)}>{words('core').act.copy}</Button>
            </div>
          </div>
        </Dialog>
      )}
    </>
  );
}

function Invite({ close, done }: { close(): void; done(link: Link | null): void }) {
  const t = words('manage').user;
  const core = words('core').act;
  const roles = useChoices('roles');
  const teams = useChoices('teams');
  const [values, setValues] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>(null);
  const wrong = faults(error);
  const put = (id: string) => (event: { target: { value: string } }) => setValues((now) => ({ ...now, [id]: event.target.value }));
  function submit(event: FormEvent) {
    event.preventDefault();
    call<{ link?: Link }>('POST', '/v1/console/users', {
      body: { email: values['email'], firstname: values['firstname'], lastname: values['lastname'] ?? '', nickname: values['nickname'] || null, staffCode: values['staffCode'] || null, roleId: values['role'] ? Number(values['role']) : null, teamId: values['team'] ? Number(values['team']) : null },
      key: crypto.randomUUID(),
    }).then((made) => done(made.link ?? null), setError);
  }
  return (
    <Dialog title={t.create} onClose={close}>
      <form className="dialog-content" onSubmit={submit}>
        <Refused error={error} />
        <TextField label={t.email} type="email" required autoFocus value={values['email'] ?? ''} error={wrong['email']} onChange={put('email')} />
        <div className="form-grid">
          <TextField label={t.firstname} required value={values['firstname'] ?? ''} error={wrong['firstname']} onChange={put('firstname')} />
          <TextField label={t.lastname} value={values['lastname'] ?? ''} error={wrong['lastname']} onChange={put('lastname')} />
          <TextField label={t.nickname} value={values['nickname'] ?? ''} error={wrong['nickname']} onChange={put('nickname')} />
          <TextField label={t.staffCode} value={values['staffCode'] ?? ''} error={wrong['staffCode']} onChange={put('staffCode')} />
          <SelectField label={t.role} required value={values['role'] ?? ''} error={wrong['roleId']} onChange={put('role')}>
            <option value="">{core.choose}</option>
            {roles.filter((one) => one.isActive).map((one) => <option key={one.id} value={one.id}>{one.label}</option>)}
          </SelectField>
          <SelectField label={t.team} value={values['team'] ?? ''} error={wrong['teamId']} onChange={put('team')}>
            <option value="">{words('core').list.unset}</option>
            {teams.filter((one) => one.isActive).map((one) => <option key={one.id} value={one.id}>{one.label}</option>)}
          </SelectField>
        </div>
        <div className="dialog-foot">
          <Button onClick={close}>{core.cancel}</Button>
          <Button type="submit" look="main">{t.create}</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Person({ user, close, again, setLink }: { user: User; close(): void; again(): Promise<void>; setLink(link: Link): void }) {
  const t = words('manage').user;
  const roles = useChoices('roles');
  const teams = useChoices('teams');
  const now = useQuery({ queryKey: ['user', user.id], queryFn: () => call<User>('GET', `/v1/console/users/${user.id}`), initialData: user });
  const one = now.data;
  const path = `/v1/console/users/${user.id}`;
  const act = (run: Promise<unknown>) =>
    run.then(
      async () => {
        toast(t.done);
        await again();
      },
      (error) => toast(say(error), { bad: true }),
    );
  const patch = (body: Record<string, unknown>) => act(call('PATCH', path, { body, match: one.version }));
  return (
    <Dialog title={one.nickname ? `${one.nickname} · ${one.name}` : one.name} onClose={close}>
      <div className="dialog-content">
        <p className="muted">{one.email}</p>
        <SelectField label={t.role} value={one.role.id} onChange={(event) => void patch({ roleId: Number(event.target.value) })}>
          {roles.map((role) => <option key={role.id} value={role.id}>{role.label}</option>)}
        </SelectField>
        <SelectField label={t.team} value={one.team?.id ?? ''} onChange={(event) => void patch({ teamId: event.target.value ? Number(event.target.value) : null })}>
          <option value="">{words('core').list.unset}</option>
          {teams.map((team) => <option key={team.id} value={team.id}>{team.label}</option>)}
        </SelectField>
        <div className="bar">
          <Button onClick={() => { call<Link>('POST', `${path}/link`, { body: {} }).then((made) => { close(); setLink(made); }, (error) => toast(say(error), { bad: true })); }}>{t.link}</Button>
          {one.hasTotp && <Button onClick={() => void act(call('DELETE', `${path}/totp`))}>{t.resetFactor}</Button>}
          <Button onClick={() => void act(call('DELETE', `${path}/sessions`))}>{t.endSessions}</Button>
          {session.get()?.user.id !== one.id && <Button look={one.isActive ? 'danger' : 'plain'} onClick={() => void patch({ isActive: !one.isActive })}>{one.isActive ? t.disable : t.enable}</Button>}
        </div>
      </div>
    </Dialog>
  );
}
