import { useEffect, useState } from 'react';
import { call } from '../api/client';
import { lang, words } from '../i18n';
import { kept } from './company';

/** What the sign-in page of a company offers beside a password. */
export interface Offered {
  companyId: number | null;
  value: { id: string; name: string; nameEn: string | null }[];
  ssoOnly: boolean;
}

// Read before the router tidies the address up.
const address = new URLSearchParams(location.search);
const first = address.get('sso');
const asked = address.get('company') ?? kept();

/** What the company offers; nothing while that is not known. */
export function useOffered(): Offered | null {
  const [offered, setOffered] = useState<Offered | null>(null);
  useEffect(() => {
    const query = asked && /^\d+$/.test(asked) ? { companyId: asked } : {};
    call<Offered>('GET', '/v1/auth/oidc', { query }).then(setOffered, () => null);
  }, []);
  return offered;
}

/** Why signing in at the identity provider did not work, in words. */
export function ssoReason(): string | null {
  const reasons = words('sign').sso.reasons;
  return first === null ? null : (reasons[first] ?? reasons['failed'] ?? null);
}

/** A button for each identity provider; it leads back to the page that was wanted, or `apart` into a window of its own. */
export function SsoButtons({ offered, apart }: { offered: Offered | null; apart?: boolean }) {
  const t = words('sign').sso;
  if (!offered?.value.length) return null;
  const path = first === null ? location.pathname + location.search : '/console/';
  return (
    <section className="sso" aria-label={t.title}>
      {apart ? <p className="hint">{t.apart}</p> : !offered.ssoOnly && <p className="hint">{t.or}</p>}
      {offered.value.map((one) => (
        <a key={one.id} className="button" target={apart ? '_blank' : undefined} href={`/v1/auth/oidc/${encodeURIComponent(one.id)}/start?path=${encodeURIComponent(apart ? '/console/' : path)}`}>
          <span>{(lang === 'en' && one.nameEn) || one.name}</span>
        </a>
      ))}
    </section>
  );
}
