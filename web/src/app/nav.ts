import type { IconName } from '../ui/Icon';
import { may } from '../api/client';
import { words } from '../i18n';

type Nav = ReturnType<typeof words<'core'>>['nav'];

/** A place in the sidebar. */
export interface Place {
  to: string;
  word: keyof Nav;
  /** A shorter one for the bar of a phone. */
  short?: keyof Nav;
  icon: IconName;
  scope: string;
  /** The second key of `g …`. */
  key: string;
  part: 'work' | 'manage';
}

const PLACES: readonly Place[] = [
  { to: '/inbox', word: 'inbox', short: 'inboxShort', icon: 'inbox', scope: 'chat:read', key: 'i', part: 'work' },
  { to: '/customers', word: 'customers', icon: 'people', scope: 'customer:read', key: 'c', part: 'work' },
  { to: '/tasks', word: 'tasks', icon: 'task', scope: 'task:read', key: 't', part: 'work' },
  { to: '/activities', word: 'activities', icon: 'activity', scope: 'activity:read', key: 'y', part: 'work' },
  { to: '/cases', word: 'cases', icon: 'case', scope: 'case:read', key: 'k', part: 'work' },
  { to: '/deals', word: 'deals', icon: 'deal', scope: 'deal:read', key: 'd', part: 'work' },
  { to: '/quotations', word: 'quotations', icon: 'document', scope: 'quotation:read', key: 'q', part: 'work' },
  { to: '/orders', word: 'orders', icon: 'cart', scope: 'salesorder:read', key: 'o', part: 'work' },
  { to: '/contracts', word: 'contracts', icon: 'note', scope: 'contract:read', key: 'a', part: 'work' },
  { to: '/expenses', word: 'expenses', icon: 'tag', scope: 'expense:read', key: 'e', part: 'work' },
  { to: '/products', word: 'products', icon: 'product', scope: 'product:read', key: 'p', part: 'work' },
  { to: '/reports', word: 'reports', icon: 'sidebar', scope: 'report:read', key: 'r', part: 'work' },
  { to: '/channels', word: 'channels', icon: 'phone', scope: 'account:read', key: 'n', part: 'manage' },
  { to: '/clients', word: 'clients', icon: 'link', scope: 'client:read', key: 'l', part: 'manage' },
  { to: '/webhooks', word: 'webhooks', icon: 'hook', scope: 'webhook:read', key: 'w', part: 'manage' },
  { to: '/users', word: 'users', icon: 'key', scope: 'user:read', key: 'u', part: 'manage' },
  { to: '/imports', word: 'imports', icon: 'import', scope: 'import:read', key: 'm', part: 'manage' },
  { to: '/privacy', word: 'privacy', icon: 'user', scope: 'privacy:read', key: 'v', part: 'manage' },
  { to: '/audit', word: 'audit', icon: 'audit', scope: 'setting:read', key: 'h', part: 'manage' },
  { to: '/mail', word: 'mail', icon: 'mail', scope: 'mail:read', key: 'z', part: 'manage' },
  { to: '/jobs', word: 'jobs', icon: 'warning', scope: 'system:read', key: 'j', part: 'manage' },
  { to: '/system', word: 'system', icon: 'pane', scope: 'system:read', key: 'x', part: 'manage' },
  { to: '/templates', word: 'templates', icon: 'document', scope: 'setting:read', key: 'b', part: 'manage' },
  { to: '/settings', word: 'settings', icon: 'settings', scope: 'setting:read', key: 's', part: 'manage' },
];

/** The places that the person may go to. */
export function places(): Place[] {
  return PLACES.filter((place) => may(place.scope));
}
