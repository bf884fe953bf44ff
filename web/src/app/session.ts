import { QueryClient } from '@tanstack/react-query';
import { call, Refusal, session } from '../api/client';
import type { Me, Preferences } from '../api/types';
import { wishes } from '../keys/registry';
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

/** Asks who is signed in. */
export async function whoAmI(): Promise<void> {
  try {
    signedIn(await call<Me>('GET', '/v1/auth/me'));
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) session.set(null);
    else throw error;
  }
}

/** Takes somebody in. */
export function signedIn(me: Me): void {
  const before = session.get();
  if (before && before.user.id !== me.user.id) cache.clear();
  session.set({ ...me, preferences: me.preferences ?? {} });
  wishes.set({ on: !me.preferences?.keysOff, map: me.preferences?.keys ?? {} });
  paint(me.preferences?.theme);
  keep(me.company.id);
}

/** Ends the session here and on the server. */
export async function signOut(): Promise<void> {
  await call('DELETE', '/v1/auth/sessions/current').catch(() => null);
  cache.clear();
  session.set(null);
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
