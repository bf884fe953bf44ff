import { QueryClient } from '@tanstack/react-query';
import { call, ended, Refusal, session } from '../api/client';
import type { Me, Preferences } from '../api/types';
import { wishes } from '../keys/registry';
import { forgetUnsaved } from '../unsaved';
import { keep } from './company';

/** What the server has said so far. The stream says when something is no longer true; nothing is asked for again by itself. */
export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && error instanceof Refusal && (error.status === 0 || error.status === 503),
    },
  },
});

/** Who was the last on this page: what is in its memory is theirs. */
let last: { user: string; company: number } | null = null;

// Tabs share a session: when one signs in, the others go on, or start anew for somebody else.
const tabs = new BroadcastChannel('sala.session');
tabs.onmessage = (event: MessageEvent<{ user: string; company: number }>) => {
  const me = session.get();
  if (me && (event.data.user !== me.user.id || event.data.company !== me.company.id)) anew();
  else if (me === null || ended.get()) whoAmI().catch(() => null);
};

/** Loads the page anew, without what the one before had written. */
function anew(): void {
  forgetUnsaved();
  location.reload();
}

/** Asks who is signed in. */
export async function whoAmI(): Promise<void> {
  try {
    resume(await call<Me>('GET', '/v1/auth/me'));
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) throw error;
    // Whoever is here keeps what is on screen, and is asked to sign in again.
    if (session.get()) ended.set(true);
    else session.set(null);
  }
}

/** Goes on for somebody who has signed in. */
export function resume(me: Me): void {
  if (signedIn(me)) ended.set(false);
}

/** Takes somebody in; false when the page starts anew, because it was somebody else's. */
export function signedIn(me: Me): boolean {
  const now = { user: me.user.id, company: me.company.id };
  const isNew = last?.user !== now.user || last.company !== now.company || session.get() === null || ended.get();
  if (isNew) tabs.postMessage(now);
  if (last && (last.user !== now.user || last.company !== now.company)) {
    anew();
    return false;
  }
  last = now;
  session.set({ ...me, preferences: me.preferences ?? {} });
  wishes.set({ on: !me.preferences?.keysOff, map: me.preferences?.keys ?? {} });
  paint(me.preferences?.theme);
  keep(me.company.id);
  return true;
}

/** Ends the session here and on the server. */
export async function signOut(): Promise<void> {
  await call('DELETE', '/v1/auth/sessions/current').catch(() => null);
  cache.clear();
  session.set(null);
  ended.set(false);
}

/** Shows the page light, dark, or as the machine is set. */
export function paint(theme: Preferences['theme'] | undefined): void {
  if (theme) document.documentElement.dataset['theme'] = theme;
  else delete document.documentElement.dataset['theme'];
}

/** Changes what the person likes: at once here, then on the server. */
export async function prefer(change: Partial<Preferences>): Promise<void> {
  const me = session.get();
  if (!me) return;
  const preferences = { ...me.preferences, ...change };
  signedIn({ ...me, preferences });
  await call<Me>('PATCH', '/v1/auth/me', { body: { preferences } }).catch(() => null);
}
