import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { call, Refusal } from '../api/client';
import { say } from '../api/words';
import type { Me } from '../api/types';
import { lang, speak, words } from '../i18n';
import { Button } from '../ui/Button';
import { SelectField, TextField } from '../ui/Field';
import { Loading } from '../ui/State';
import { resume } from './session';
import { ssoReason, SsoButtons, useOffered } from './SsoButtons';

export type Step = { step: 'done'; me?: Me } | { step: 'totp'; challenge: string } | { step: 'company'; companies: { id: number; name: string }[] };

/** The page around every form before somebody is signed in. */
function Gate({ title, children }: { title: string; children: ReactNode }) {
  const t = words('sign');
  useEffect(() => {
    document.title = `${title} · Sala`;
  }, [title]);
  return (
    <div className="gate">
      <main className="gate-card">
        <div className="gate-mark">
          <img src={`${import.meta.env.BASE_URL}icon.svg`} width={40} height={40} alt="" />
          <span>{words('core').product}</span>
        </div>
        <h1>{title}</h1>
        {children}
      </main>
      <button type="button" className="button quiet" lang={lang === 'th' ? 'en' : 'th'} onClick={() => speak(lang === 'th' ? 'en' : 'th')}>
        {t.other}
      </button>
    </div>
  );
}

/** Why signing in did not work, in words. */
export function reason(error: unknown): string {
  const t = words('sign');
  if (error instanceof Refusal) {
    if (error.status === 429) return t.limited(error.retryAfter ?? 5);
    if (error.code === 'invalid_credentials') return t.wrong;
    if (error.code === 'invalid_code') return t.codeWrong;
    if (error.code === 'challenge_ended') return t.codeEnded;
    if (error.code === 'weak_password') return t.weak;
    if (error.code === 'sso_required') return t.sso.required;
  }
  return say(error);
}

/** Takes in whoever has passed the last step. */
export async function enter(step: Step): Promise<void> {
  if (step.step === 'done') resume(step.me ?? (await call<Me>('GET', '/v1/auth/me')));
}

/** Signing in: e-mail and password, then the company or the second factor where one is asked for. */
export function SignIn() {
  const t = words('sign');
  const [step, setStep] = useState<Step | 'password' | 'forgot'>('password');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(ssoReason);
  const [company, setCompany] = useState('');
  const [byPassword, setByPassword] = useState(false);
  const offered = useOffered();

  async function go(event: FormEvent, act: () => Promise<Step>) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setFault(null);
    try {
      const next = await act();
      await enter(next);
      setStep(next);
      if (next.step === 'company') setCompany(String(next.companies[0]?.id ?? ''));
    } catch (error) {
      setFault(reason(error));
      if (error instanceof Refusal && error.code === 'challenge_ended') setStep('password');
    } finally {
      setBusy(false);
    }
  }

  if (step === 'forgot') return <Forgot email={email} back={() => setStep('password')} />;
  if (typeof step === 'object' && step.step === 'totp') {
    return (
      <Gate title={t.codeTitle}>
        <Code busy={busy} fault={fault} send={(event, code) => go(event, () => call<Step>('POST', '/v1/auth/sessions/totp', { body: { challenge: step.challenge, code } }))} />
        <Button look="quiet" onClick={() => { setStep('password'); setFault(null); }}>{t.back}</Button>
      </Gate>
    );
  }
  const companies = typeof step === 'object' && step.step === 'company' ? step.companies : null;
  const asksPassword = !offered?.ssoOnly || byPassword || companies !== null;
  return (
    <Gate title={t.title}>
      {fault && <p className="notice bad" role="alert">{fault}</p>}
      {asksPassword && (
        <form
          className="form"
          onSubmit={(event) => go(event, () => call<Step>('POST', '/v1/auth/sessions', { body: { email: email.trim(), password, ...(companies ? { companyId: Number(company) } : {}) } }))}
        >
          <TextField label={t.email} type="email" name="email" id="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
          <Password id="password" label={t.password} autoComplete="current-password" value={password} onChange={setPassword} />
          {companies && (
            <SelectField label={t.company} id="company" value={company} onChange={(event) => setCompany(event.target.value)}>
              {companies.map((one) => (
                <option key={one.id} value={one.id}>{one.name}</option>
              ))}
            </SelectField>
          )}
          <Button type="submit" look="main" busy={busy}>{t.submit}</Button>
          <Button look="quiet" onClick={() => setStep('forgot')}>{t.forgot}</Button>
        </form>
      )}
      <SsoButtons offered={offered} />
      {!asksPassword && <Button look="quiet" onClick={() => setByPassword(true)}>{t.sso.owner}</Button>}
      <p className="hint">{t.first}</p>
    </Gate>
  );
}

/** A password, which can be shown. */
export function Password({ id, label, autoComplete, value, onChange, error }: { id: string; label: string; autoComplete: string; value: string; onChange(text: string): void; error?: string | null }) {
  const t = words('sign');
  const [shown, setShown] = useState(false);
  return (
    <div className="password">
      <TextField id={id} label={label} type={shown ? 'text' : 'password'} name={id} autoComplete={autoComplete} required value={value} error={error} onChange={(event) => onChange(event.target.value)} />
      <button type="button" className="button quiet small" aria-pressed={shown} onClick={() => setShown(!shown)}>
        {shown ? t.hide : t.show}
      </button>
    </div>
  );
}

/** The form of the second factor. */
export function Code({ busy, fault, send }: { busy: boolean; fault: string | null; send(event: FormEvent, code: string): void }) {
  const t = words('sign');
  const [code, setCode] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <form className="form" onSubmit={(event) => send(event, code.trim())}>
      <p>{t.codeText}</p>
      {fault && <p className="notice bad" role="alert">{fault}</p>}
      <TextField ref={input} id="code" label={t.code} inputMode="numeric" autoComplete="one-time-code" required value={code} onChange={(event) => setCode(event.target.value)} />
      <Button type="submit" look="main" busy={busy}>{t.codeSubmit}</Button>
    </form>
  );
}

function Forgot({ email: first, back }: { email: string; back(): void }) {
  const t = words('sign');
  const [email, setEmail] = useState(first);
  const [done, setDone] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  return (
    <Gate title={t.forgotTitle}>
      {done ? (
        <p className="notice good" role="status">{t.forgotDone}</p>
      ) : (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            call('POST', '/v1/auth/password/forgot', { body: { email: email.trim() } }).then(() => setDone(true), (error) => setFault(reason(error)));
          }}
        >
          <p>{t.forgotText}</p>
          {fault && <p className="notice bad" role="alert">{fault}</p>}
          <TextField label={t.email} type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
          <Button type="submit" look="main">{t.forgotSend}</Button>
        </form>
      )}
      <Button look="quiet" onClick={back}>{t.back}</Button>
    </Gate>
  );
}

interface LinkInfo {
  purpose: 'invite' | 'reset';
  email: string;
  name: string;
  companyName: string;
}

/** The form behind an invitation or a reset link: a new password, and in. */
export function LinkPage({ token, done }: { token: string; done(): void }) {
  const t = words('sign');
  const [info, setInfo] = useState<LinkInfo | null | undefined>(undefined);
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const [step, setStep] = useState<Step | null>(null);
  const [busy, setBusy] = useState(false);
  const path = `/v1/auth/links/${encodeURIComponent(token)}`;
  useEffect(() => {
    call<LinkInfo>('GET', path).then(setInfo, (error) => (error instanceof Refusal && error.status === 404 ? setInfo(null) : setFault(reason(error))));
  }, [path]);

  async function go(event: FormEvent, act: () => Promise<Step>) {
    event.preventDefault();
    setFault(null);
    setBusy(true);
    try {
      const next = await act();
      await enter(next);
      if (next.step === 'done') done();
      setStep(next);
    } catch (error) {
      setFault(reason(error));
    } finally {
      setBusy(false);
    }
  }

  if (step?.step === 'totp') {
    return (
      <Gate title={t.codeTitle}>
        <Code busy={busy} fault={fault} send={(event, code) => go(event, () => call<Step>('POST', '/v1/auth/sessions/totp', { body: { challenge: step.challenge, code } }))} />
      </Gate>
    );
  }
  const title = info?.purpose === 'invite' ? t.linkInvite(info.companyName) : t.linkReset;
  return (
    <Gate title={title}>
      {info === undefined && !fault && <Loading />}
      {info === null && <p className="notice bad" role="alert">{t.linkGone}</p>}
      {info === null && <Button onClick={done}>{t.back}</Button>}
      {fault && <p className="notice bad" role="alert">{fault}</p>}
      {fault === t.sso.required && <Button onClick={done}>{t.back}</Button>}
      {info && (
        <form
          className="form"
          onSubmit={(event) => {
            if (password !== again) {
              event.preventDefault();
              setFault(t.differs);
              return;
            }
            void go(event, () => call<Step>('POST', path, { body: { password } }));
          }}
        >
          <p>{t.linkText(info.email)}</p>
          <input type="hidden" name="username" autoComplete="username" value={info.email} readOnly />
          <Password id="new-password" label={t.newPassword} autoComplete="new-password" value={password} onChange={setPassword} />
          <p className="hint">{t.rule}</p>
          <Password id="again" label={t.again} autoComplete="new-password" value={again} onChange={setAgain} />
          <Button type="submit" look="main" busy={busy}>{t.choose}</Button>
        </form>
      )}
    </Gate>
  );
}
