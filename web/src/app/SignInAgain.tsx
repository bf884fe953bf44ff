import { useEffect, useId, useRef, useState, type FormEvent } from 'react';
import { call, Refusal } from '../api/client';
import type { Me } from '../api/types';
import { words } from '../i18n';
import { Button } from '../ui/Button';
import { TextField } from '../ui/Field';
import { mayLeave } from '../unsaved';
import { signOut, whoAmI } from './session';
import { Code, enter, Password, reason, type Step } from './SignIn';
import { SsoButtons, useOffered } from './SsoButtons';

/**
 * Asks somebody whose session has ended in the middle of their work to sign in again, over what they were doing. It stays until they have: in
 * here, or in another window. When somebody else signs in, the page starts anew.
 */
export function SignInAgain({ me }: { me: Me }) {
  const t = words('sign');
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [step, setStep] = useState<Step | 'password'>('password');
  const [email, setEmail] = useState<string | null>(null);
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const [byPassword, setByPassword] = useState(false);
  const offered = useOffered();
  const asksPassword = !offered?.ssoOnly || byPassword;

  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    // Somebody may have signed in elsewhere meanwhile.
    const look = () => {
      if (document.visibilityState === 'visible') whoAmI().catch(() => null);
    };
    addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    return () => {
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  // The first thing to fill in has the focus at each step.
  const shown = typeof step === 'object' ? step.step : email === null ? 'password' : 'other';
  useEffect(() => {
    ref.current?.querySelector<HTMLElement>('form input:not([type=hidden])')?.focus();
  }, [shown, asksPassword]);

  async function go(event: FormEvent, act: () => Promise<Step>) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setFault(null);
    try {
      const next = await act();
      setPassword('');
      if (next.step !== 'done') setStep(next);
      await enter(next);
    } catch (error) {
      setFault(reason(error));
      if (error instanceof Refusal && error.code === 'challenge_ended') setStep('password');
    } finally {
      setBusy(false);
    }
  }
  const another = email !== null;
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        // Nothing behind it is meant, and there is no way around it.
        event.stopPropagation();
        if (event.key === 'Escape') event.preventDefault();
      }}
      onClose={() => {
        if (ref.current && !ref.current.open) ref.current.showModal();
      }}
    >
      <div className="dialog-body">
        <header className="dialog-head"><h2 id={id}>{t.againTitle}</h2></header>
        <div className="dialog-content">
          <p>{another ? t.againElse : t.againText}</p>
          {typeof step === 'object' && step.step === 'totp' ? (
            <>
              <Code busy={busy} fault={fault} send={(event, code) => void go(event, () => call<Step>('POST', '/v1/auth/sessions/totp', { body: { challenge: step.challenge, code } }))} />
              <Button look="quiet" onClick={() => { setStep('password'); setFault(null); }}>{t.back}</Button>
            </>
          ) : (
            <>
              {fault && <p className="notice bad" role="alert">{fault}</p>}
              {asksPassword && (
                <form className="form" onSubmit={(event) => void go(event, () => call<Step>('POST', '/v1/auth/sessions', { body: { email: (email ?? me.user.email).trim(), password, companyId: me.company.id } }))}>
                  {another ? (
                    <TextField id="again-email" label={t.email} type="email" name="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} />
                  ) : (
                    <>
                      <p><strong>{me.user.name}</strong>{` · ${me.user.email}`}</p>
                      <input type="hidden" name="username" autoComplete="username" value={me.user.email} readOnly />
                    </>
                  )}
                  <Password id="again-password" label={t.password} autoComplete="current-password" value={password} onChange={setPassword} />
                  <Button type="submit" look="main" busy={busy}>{t.submit}</Button>
                </form>
              )}
              <SsoButtons offered={offered} apart />
              {!asksPassword && <Button look="quiet" onClick={() => setByPassword(true)}>{t.sso.owner}</Button>}
              <div className="bar">
                {!another && asksPassword && <Button look="quiet" onClick={() => { setEmail(''); setFault(null); }}>{t.againOther}</Button>}
                {another && <Button look="quiet" onClick={() => { setEmail(null); setFault(null); }}>{t.againBack(me.user.name)}</Button>}
                <Button look="quiet" onClick={() => void mayLeave().then((may) => { if (may) void signOut(); })}>{words('core').act.signOut}</Button>
              </div>
            </>
          )}
        </div>
      </div>
    </dialog>
  );
}
