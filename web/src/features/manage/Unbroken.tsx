import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call, may } from '../../api/client';
import { words } from '../../i18n';
import { formatNumber } from '../../i18n/format';
import { attempt } from '../../screen/Ask';
import { Button } from '../../ui/Button';
import { Failed, Loading } from '../../ui/State';

interface Words {
  standard: string[];
  own: string[];
}

/** The words within which no line of a document is broken: the standard list, and the company's own. */
export function Unbroken() {
  const t = words('manage').unbroken;
  const cache = useQueryClient();
  const found = useQuery({ queryKey: ['setting', 'unbroken'], queryFn: () => call<Words>('GET', '/v1/documents/unbroken-words') });
  const save = (data: FormData) => {
    const own = String(data.get('own') ?? '').split(/\s+/).filter((word) => word !== '');
    void attempt(call('PUT', '/v1/setting', { body: { unbrokenWords: own } }).then(() => cache.invalidateQueries({ queryKey: ['setting'] })), words('core').saved);
  };
  return (
    <section className="card" aria-label={t.title}>
      <h2>{t.title}</h2>
      <p className="muted small">{t.text}</p>
      {found.isPending ? <Loading /> : found.isError ? <Failed error={found.error} retry={() => void found.refetch()} /> : (
        <form
          key={found.data.own.join(' ')}
          onSubmit={(event) => {
            event.preventDefault();
            save(new FormData(event.currentTarget));
          }}
        >
          <div className="field">
            <label htmlFor="unbroken-own">{t.own}</label>
            <textarea id="unbroken-own" className="input" name="own" rows={4} lang="th" defaultValue={found.data.own.join('\n')} readOnly={!may('setting:write')} />
          </div>
          {may('setting:write') && <Button type="submit">{words('core').act.save}</Button>}
          <details>
            <summary>{t.standard(formatNumber(found.data.standard.length))}</summary>
            <p className="muted small" lang="th">{found.data.standard.join(' · ')}</p>
          </details>
        </form>
      )}
    </section>
  );
}
