import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent, type ReactNode } from 'react';
import { call, Refusal, session } from '../../api/client';
import { say } from '../../api/words';
import type { Me, Preferences } from '../../api/types';
import { prefer, signedIn, signOut } from '../../app/session';
import { chordText, commands, keysOf, wishes, type Command } from '../../keys';
import { chord } from '../../keys/layout';
import { lang, languages, speak, words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { useStore } from '../../store';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Check, SelectField, TextField } from '../../ui/Field';
import { toast } from '../../ui/Toast';
import { notifyTest } from './notify';
import './account.css';
import { copy } from '../../ui/copy';
import { mayLeave } from '../../unsaved';

/** What a person sets for themselves. */
export function Account() {
  const t = words('account');
  const me = useStore(session);
  useEffect(() => {
    document.title = `${t.title} · Sala`;
  }, [t]);
  if (!me) return null;
  const likes = me.preferences;
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t.title}</h1>
        <Button onClick={() => void mayLeave().then((may) => { if (may) void signOut(); })}>{t.signOut}</Button>
      </header>
      <div className="account">
        <Part title={t.profile}>
          <p><strong>{me.user.name}</strong>{me.user.nickname ? ` (${me.user.nickname})` : ''}</p>
          <dl className="pairs">
            <dt>{t.email}</dt>
            <dd>{me.user.email}</dd>
            <dt>{t.role}</dt>
            <dd>{(lang === 'en' && me.user.role.nameEn) || me.user.role.name}</dd>
            {me.user.team && <><dt>{t.team}</dt><dd>{me.user.team.name}</dd></>}
          </dl>
          <SelectField label={t.language} value={lang} onChange={(event) => {
            const next = event.target.value as 'th' | 'en';
            void mayLeave().then((may) => (may ? call<Me>('PATCH', '/v1/auth/me', { body: { language: next } }).catch(() => null).then(() => speak(next)) : null));
          }}>
            <option value="th" lang="th">{languages.th}</option>
            <option value="en" lang="en">{languages.en}</option>
          </SelectField>
          <SelectField label={t.theme} value={likes.theme ?? ''} onChange={(event) => void prefer({ theme: (event.target.value || undefined) as Preferences['theme'] })}>
            <option value="">{t.themes.auto}</option>
            <option value="light">{t.themes.light}</option>
            <option value="dark">{t.themes.dark}</option>
          </SelectField>
          <Check label={t.enter} checked={likes.enterSends === true} onChange={(event) => void prefer({ enterSends: event.target.checked })} />
        </Part>
        <Notifications likes={likes} />
        <PasswordPart />
        <FactorPart me={me} />
        <SessionsPart />
        <KeysPart likes={likes} />
      </div>
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Notifications({ likes }: { likes: Preferences }) {
  const t = words('account');
  const [permission, setPermission] = useState<NotificationPermission>(() => ('Notification' in window ? Notification.permission : 'denied'));
  return (
    <Part title={t.notify}>
      <Check label={t.notifyOn} checked={likes.notify !== false} onChange={(event) => void prefer({ notify: event.target.checked })} />
      <Check label={t.soundOn} checked={likes.sound !== false} onChange={(event) => void prefer({ sound: event.target.checked })} />
      <p className="hint" role="status">{t.permission[permission]}</p>
      <Button icon="bell" onClick={() => void notifyTest(t.tested).then(setPermission)}>{t.test}</Button>
    </Part>
  );
}

function PasswordPart() {
  const t = words('account');
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [fault, setFault] = useState<{ current?: string; next?: string }>({});
  function submit(event: FormEvent) {
    event.preventDefault();
    setFault({});
    call('POST', '/v1/auth/password', { body: { current, new: next } }).then(
      () => {
        setCurrent('');
        setNext('');
        toast(t.passwordChanged);
      },
      (error) => {
        if (error instanceof Refusal && error.code === 'invalid_credentials') setFault({ current: t.wrongPassword });
        else if (error instanceof Refusal && error.code === 'weak_password') setFault({ next: t.weak });
        else setFault({ next: say(error) });
      },
    );
  }
  return (
    <Part title={t.password}>
      <form className="form" onSubmit={submit}>
        <TextField label={t.current} type="password" autoComplete="current-password" required value={current} error={fault.current} onChange={(event) => setCurrent(event.target.value)} />
        <TextField label={t.next} type="password" autoComplete="new-password" required value={next} error={fault.next} onChange={(event) => setNext(event.target.value)} />
        <div><Button type="submit">{t.changePassword}</Button></div>
      </form>
    </Part>
  );
}

type FactorStep = { is: 'password'; to: 'begin' | 'end' | 'codes' } | { is: 'scan'; secret: string; qr: string } | { is: 'codes'; codes: string[] };

function FactorPart({ me }: { me: Me }) {
  const t = words('account');
  const core = words('core').act;
  const [step, setStep] = useState<FactorStep | null>(null);
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const move = (next: FactorStep | null) => {
    setStep(next);
    setText('');
    setFault(null);
  };
  const renew = () => call<Me>('GET', '/v1/auth/me').then(signedIn);
  async function submit(event: FormEvent) {
    event.preventDefault();
    try {
      if (step?.is === 'password') {
        if (step.to === 'begin') {
          const begun = await call<{ secret: string; qr: string }>('POST', '/v1/auth/totp', { body: { password: text } });
          move({ is: 'scan', ...begun });
        } else if (step.to === 'end') {
          await call('DELETE', '/v1/auth/totp', { body: { password: text } });
          move(null);
          await renew();
        } else {
          const made = await call<{ recoveryCodes: string[] }>('POST', '/v1/auth/totp/recovery', { body: { password: text } });
          move({ is: 'codes', codes: made.recoveryCodes });
        }
      } else if (step?.is === 'scan') {
        const made = await call<{ recoveryCodes: string[] }>('POST', '/v1/auth/totp/confirm', { body: { code: text.trim() } });
        move({ is: 'codes', codes: made.recoveryCodes });
        await renew();
      }
    } catch (error) {
      setFault(error instanceof Refusal && error.code === 'invalid_credentials' ? t.wrongPassword : error instanceof Refusal && error.code === 'invalid_code' ? t.codeWrong : say(error));
    }
  }
  return (
    <Part title={t.factor}>
      <p>{me.user.hasTotp ? t.factorOn : t.factorOff}</p>
      <div className="bar">
        {me.user.hasTotp ? (
          <>
            <Button onClick={() => move({ is: 'password', to: 'codes' })}>{t.recoveryNew}</Button>
            <Button look="danger" onClick={() => move({ is: 'password', to: 'end' })}>{t.factorEnd}</Button>
          </>
        ) : (
          <Button look="main" onClick={() => move({ is: 'password', to: 'begin' })}>{t.factorBegin}</Button>
        )}
      </div>
      {step && (
        <Dialog title={step.is === 'codes' ? t.recovery : t.factor} onClose={() => move(null)}>
          <form className="dialog-content" onSubmit={submit}>
            {fault && <p className="notice bad" role="alert">{fault}</p>}
            {step.is === 'password' && <TextField label={t.current} type="password" autoComplete="current-password" required autoFocus value={text} onChange={(event) => setText(event.target.value)} />}
            {step.is === 'scan' && (
              <>
                <p>{t.factorScan}</p>
                <img className="qr" alt="" src={`data:image/svg+xml,${encodeURIComponent(step.qr)}`} width={200} height={200} />
                <p>{t.factorKey}{': '}<code>{step.secret}</code></p>
                <TextField label={t.code} inputMode="numeric" autoComplete="one-time-code" required autoFocus value={text} onChange={(event) => setText(event.target.value)} />
              </>
            )}
            {step.is === 'codes' && (
              <>
                <p>{t.recoveryText}</p>
                <ul className="codes">{step.codes.map((one) => <li key={one}><code>{one}</code></li>)}</ul>
                <Button onClick={() => void copy(step.codes.join('\n'))}>{core.copy}</Button>
              </>
            )}
            <div className="dialog-foot">
              <Button onClick={() => move(null)}>{step.is === 'codes' ? core.close : core.cancel}</Button>
              {step.is !== 'codes' && <Button type="submit" look="main">{core.confirm}</Button>}
            </div>
          </form>
        </Dialog>
      )}
    </Part>
  );
}

interface Session {
  id: string;
  current: boolean;
  seenAt: number;
  address: string;
  agent: string;
}

function SessionsPart() {
  const t = words('account');
  const cache = useQueryClient();
  const list = useQuery({ queryKey: ['sessions'], queryFn: () => call<{ value: Session[] }>('GET', '/v1/auth/sessions') });
  const end = (path: string, query?: Record<string, boolean>) =>
    call('DELETE', path, { query }).then(
      () => {
        toast(t.ended);
        void cache.invalidateQueries({ queryKey: ['sessions'] });
      },
      (error) => toast(say(error), { bad: true }),
    );
  const all = list.data?.value ?? [];
  return (
    <Part title={t.sessions}>
      <ul className="timeline">
        {all.map((one) => (
          <li key={one.id} className="session">
            <div className="grow">
              <p className="line">{browser(one.agent)}{one.current && <>{' '}<span className="chip good">{t.here}</span></>}</p>
              <p className="small muted">{`${one.address} · ${t.seen(formatTime(one.seenAt))}`}</p>
            </div>
            {!one.current && <Button onClick={() => void end(`/v1/auth/sessions/${one.id}`)}>{t.end}</Button>}
          </li>
        ))}
      </ul>
      {all.length > 1 && <div><Button onClick={() => void end('/v1/auth/sessions', { keepCurrent: true })}>{t.endOthers}</Button></div>}
    </Part>
  );
}

/** The browser and the system out of a user agent's text. */
function browser(agent: string): string {
  const name = /(Edg|OPR|Firefox|Chrome|Safari)\/(\d+)/.exec(agent);
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent);
  return [name ? `${name[1] === 'Edg' ? 'Edge' : name[1]} ${name[2]}` : agent.slice(0, 40), system?.[1]].filter(Boolean).join(' · ');
}

function KeysPart({ likes }: { likes: Preferences }) {
  const t = words('account');
  const list = useStore(commands).filter((command) => (command.keys?.length ?? 0) > 0);
  const own = useStore(wishes);
  const [changing, setChanging] = useState<Command | null>(null);
  const set = (id: string, keys: string) => void prefer({ keys: { ...likes.keys, [id]: keys } });
  return (
    <Part title={t.keys}>
      <Check label={t.keysOn} hint={t.keysHint} checked={!likes.keysOff} onChange={(event) => void prefer({ keysOff: !event.target.checked })} />
      <ul className="keys-list">
        {list.map((command) => (
          <li key={command.id}>
            <span className="grow line">{command.label}</span>
            <Button aria-label={`${t.change(command.label)}: ${chordText(keysOf(command, own)[0] ?? '') || t.noKey}`} onClick={() => setChanging(command)}>
              {keysOf(command, own)[0] ? <kbd>{chordText(keysOf(command, own)[0] ?? '')}</kbd> : t.noKey}
            </Button>
          </li>
        ))}
      </ul>
      <div><Button onClick={() => void prefer({ keys: {} })}>{t.reset}</Button></div>
      {changing && (
        <Dialog title={changing.label} onClose={() => setChanging(null)}>
          <div className="dialog-content">
            <p>{t.remap}</p>
            <button
              type="button"
              className="button key-catch"
              autoFocus
              onKeyDown={(event) => {
                if (['Shift', 'Control', 'Meta', 'Alt', 'Tab'].includes(event.key)) return;
                event.preventDefault();
                if (event.key !== 'Escape') set(changing.id, event.key === 'Backspace' ? '' : chord(event.nativeEvent));
                setChanging(null);
              }}
            >
              <kbd>{chordText(keysOf(changing, own)[0] ?? '')}</kbd>
            </button>
          </div>
        </Dialog>
      )}
    </Part>
  );
}
