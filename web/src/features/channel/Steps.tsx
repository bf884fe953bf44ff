import type { ReactNode } from 'react';
import { words } from '../../i18n';
import { formatTime } from '../../i18n/format';
import { Copied } from '../../screen/Ask';
import { stepOf, type Account, type Check } from './account';

function Step({ title, state, children }: { title: string; state: 'done' | 'now' | 'later'; children: ReactNode }) {
  const t = words('admin').channel;
  return (
    <li className={`step ${state}`} aria-current={state === 'now' ? 'step' : undefined}>
      <h2>{title}{state === 'done' && <span className="unseen">{` (${t.stepDone})`}</span>}</h2>
      {children}
    </li>
  );
}

/** "Connect LINE" in four steps. What is done is said by the server, which asks LINE. */
export function Steps({ account, check, form, enter }: { account: Account | null; check: Check | undefined; form?: ReactNode; enter?: ReactNode }) {
  const t = words('admin').channel;
  const at = stepOf(account, check);
  const state = (step: number) => (at > step ? 'done' : at === step ? 'now' : 'later');
  return (
    <ol className="steps">
      <Step title={t.step1} state={state(1) === 'now' ? 'now' : 'done'}>
        <ol>
          {t.step1Text.split('\n').map((line) => <li key={line}>{line}</li>)}
        </ol>
      </Step>
      <Step title={t.step2} state={account ? state(2) : 'now'}>
        {form}
        {account && check && (check.token ? <p className="notice good">{t.known(check.providerName ?? '', check.providerId ?? '')}</p> : <p className="notice bad">{t.refused(check.problem ?? '')}</p>)}
      </Step>
      <Step title={t.step3} state={state(3)}>
        <p>{t.step3Text}</p>
        {account?.webhookUrl && <Copied text={account.webhookUrl} />}
        {account?.webhookUrl?.startsWith('http://') && <p className="notice warn">{t.needsHttps}</p>}
        {check?.token && enter}
        {check?.token && (
          check.endpoint === null ? <p className="notice">{t.noEndpoint}</p>
            : !check.isOurs ? <p className="notice warn">{t.otherEndpoint(check.endpoint)}</p>
              : !check.isUsed ? <p className="notice warn">{t.notUsed}</p>
                : <p className="notice good">{t.endpointGood}</p>
        )}
      </Step>
      <Step title={t.step4} state={state(4)}>
        <p>{t.step4Text}</p>
        {account && (check?.lastCallbackAt ? <p className="notice good">{t.called(formatTime(check.lastCallbackAt))}</p> : <p className="notice">{t.notCalled}</p>)}
      </Step>
    </ol>
  );
}
