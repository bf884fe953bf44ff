import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call, may, Refusal } from '../../api/client';
import { faults } from '../../api/words';
import { words } from '../../i18n';
import { useChoices } from '../../screen/choices';
import { Refused } from '../../screen/Refused';
import { Button, IconButton } from '../../ui/Button';
import { Check, SelectField, TextField } from '../../ui/Field';
import { toast } from '../../ui/Toast';
import { readNumber } from '../../screen/number';
import { useFocusBack } from '../../ui/focus';
import { useUnsaved } from '../../unsaved';

interface Rule {
  account: string | null;
  mode: string;
  team: number | null;
  capacity: number | null;
  onlyPresent: boolean;
  onlyInHours: boolean;
}

const PATH = '/v1/console/assignment';

/** Who gets a conversation that a customer opens: a rule for each channel account, and one for all others. */
export function Assignment() {
  const t = words('manage').assignment;
  const core = words('core').act;
  const cache = useQueryClient();
  const [rules, setRules] = useState<Rule[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  // What is typed for the most, until it is read.
  const [most, setMost] = useState<Record<number, string>>({});
  const editButton = useFocusBack(rules !== null);
  const wrong = faults(error);
  const found = useQuery({ queryKey: ['assignment'], queryFn: () => call<{ rules: Rule[] }>('GET', PATH).then((answer) => answer.rules) });
  const accounts = useQuery({ queryKey: ['account', 'names'], queryFn: () => call<{ value: { id: string; name: string }[] }>('GET', '/v1/accounts').then((page) => page.value), enabled: may('account:read') });
  const teams = useChoices('teams');
  useUnsaved(rules !== null && !busy && rules !== found.data);
  if (!found.data) return null;
  const now = found.data;
  const accountName = (id: string | null) => (id === null ? t.others : accounts.data?.find((one) => one.id === id)?.name ?? id);
  const line = (rule: Rule) =>
    [t.modes[rule.mode] ?? rule.mode, rule.team !== null && teams.find((one) => one.id === rule.team)?.label, rule.capacity !== null && t.most(rule.capacity), rule.onlyPresent && t.present, rule.onlyInHours && t.inHours].filter(Boolean).join(' · ');
  async function save(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    try {
      const noNumber = Object.keys(most).filter((index) => readNumber(most[Number(index)]) === undefined);
      if (noNumber.length) throw Refusal.of('not_a_number', ...noNumber.map((index) => `capacity[${index}]`));
      await call('PUT', PATH, { body: { rules } });
      await cache.invalidateQueries({ queryKey: ['assignment'] });
      setRules(null);
      toast(words('core').saved);
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  }
  const put = (at: number, change: Partial<Rule>) => setRules((all) => (all ?? []).map((one, index) => (index === at ? { ...one, ...change } : one)));
  const used = new Set((rules ?? []).map((one) => one.account));
  const free = [null, ...(accounts.data ?? []).map((one) => one.id)].filter((id) => !used.has(id));
  return (
    <section className="card" aria-label={t.title}>
      <div className="bar">
        <h2 className="grow">{t.title}</h2>
        {may('setting:write') && !rules && <Button ref={editButton} aria-label={`${core.edit}: ${t.title}`} onClick={() => { setRules(now); setMost({}); setError(null); }}>{core.edit}</Button>}
      </div>
      <p className="hint">{t.text}</p>
      {!rules ? (
        now.length === 0 ? <p className="muted">{t.none}</p> : (
          <dl className="pairs">
            {now.map((rule) => <div key={rule.account ?? ''} className="pair"><dt>{accountName(rule.account)}</dt><dd>{line(rule)}</dd></div>)}
          </dl>
        )
      ) : (
        <form className="form" onSubmit={save} noValidate>
          <Refused error={error} labelOf={(name) => (name.startsWith('capacity') ? t.capacity : undefined)} />
          {rules.map((rule, index) => (
            <fieldset key={rule.account ?? ''} className="card">
              <legend>{accountName(rule.account)}</legend>
              <div className="form-grid">
                <SelectField label={t.mode} value={rule.mode} onChange={(event) => put(index, { mode: event.target.value })}>
                  {Object.entries(t.modes).map(([mode, label]) => <option key={mode} value={mode}>{label}</option>)}
                </SelectField>
                <SelectField label={t.team} value={rule.team ?? ''} onChange={(event) => put(index, { team: event.target.value ? Number(event.target.value) : null })}>
                  <option value="">{t.everybody}</option>
                  {teams.filter((one) => one.isActive || one.id === rule.team).map((one) => <option key={one.id} value={one.id}>{one.label}</option>)}
                </SelectField>
                <TextField label={t.capacity} inputMode="numeric" error={wrong[`capacity[${index}]`]} value={most[index] ?? rule.capacity ?? ''} onChange={(event) => {
                  const text = event.target.value;
                  setMost((all) => ({ ...all, [index]: text }));
                  const plain = readNumber(text);
                  if (plain !== undefined) put(index, { capacity: plain === null ? null : Number(plain) });
                }} />
                <Check label={t.present} checked={rule.onlyPresent} onChange={(event) => put(index, { onlyPresent: event.target.checked })} />
                <Check label={t.inHours} checked={rule.onlyInHours} onChange={(event) => put(index, { onlyInHours: event.target.checked })} />
              </div>
              <IconButton icon="close" label={`${core.remove}: ${accountName(rule.account)}`} onClick={() => { setRules(rules.filter((_, at) => at !== index)); setMost({}); }} />
            </fieldset>
          ))}
          {free.length > 0 && (
            <SelectField label={t.add} value="" onChange={(event) => setRules([...rules, { account: event.target.value === '*' ? null : event.target.value, mode: 'round_robin', team: null, capacity: null, onlyPresent: true, onlyInHours: false }])}>
              <option value="">{words('core').list.unset}</option>
              {free.map((id) => <option key={id ?? '*'} value={id ?? '*'}>{accountName(id)}</option>)}
            </SelectField>
          )}
          <div className="bar">
            <Button type="submit" look="main" busy={busy}>{core.save}</Button>
            <Button onClick={() => setRules(null)}>{core.cancel}</Button>
          </div>
        </form>
      )}
    </section>
  );
}
