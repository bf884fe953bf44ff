import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { ended, session } from '../api/client';
import type { Me } from '../api/types';
import { chordText, useCommands, type Command } from '../keys';
import { lang, load, speak, words } from '../i18n';
import { followRecords } from '../live/records';
import { begin, follow } from '../live/stream';
import { beginPost } from '../live/post';
import { store, useStore } from '../store';
import { Avatar } from '../ui/Avatar';
import { IconButton } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { Loading } from '../ui/State';
import { Toasts, undoLast } from '../ui/Toast';
import { isUnsaved, mayLeave } from '../unsaved';
import { ConnectionMark } from './Connection';
import { Fault } from './Fault';
import { Help } from './Help';
import { Leave } from './Leave';
import { Palette } from './Palette';
import { places } from './nav';
import { cache, prefer, signOut, whoAmI } from './session';
import { SignIn } from './SignIn';
import { SignInAgain } from './SignInAgain';

/** True once the server runs another version than this page came from. */
const upgraded = store(false);

/** What a screen puts below the navigation (the inbox its views), and the number beside a place. */
export const badges = store<Record<string, number>>({});

type Open = 'palette' | 'help' | 'more' | null;

/** Everything behind sign-in: the sidebar, the screen, the palette and the keys that work everywhere. */
export function Shell() {
  const me = useStore(session);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (me === undefined) whoAmI().catch(() => setFailed(true));
  }, [me]);
  // A person's language on the server wins over this browser's.
  const language = me?.user.language;
  useEffect(() => {
    if (language && !localStorage.getItem('sala.lang')) speak(language);
  }, [language]);
  if (me === null) return <SignIn />;
  if (me === undefined) {
    return failed ? <Offline retry={() => { setFailed(false); whoAmI().catch(() => setFailed(true)); }} /> : <Loading />;
  }
  return <House me={me} />;
}

function Offline({ retry }: { retry(): void }) {
  const t = words('core');
  return (
    <div className="state" role="alert">
      <strong>{t.error.title}</strong>
      <p>{t.error.offline}</p>
      <button type="button" className="button main" onClick={retry}>{t.act.retry}</button>
    </div>
  );
}

function House({ me }: { me: Me }) {
  const t = words('core');
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const list = places();

  useEffect(() => {
    beginPost(me.user.id);
    let version: string | null = null;
    const unfollow = follow((tiding) => {
      if (tiding.is === 'version') {
        version ??= tiding.version;
        if (tiding.version !== version) upgraded.set(true);
      }
      if (tiding.is === 'reset') void cache.invalidateQueries();
      // The session has ended, or its rights have changed: asking tells which.
      if (tiding.is === 'signed_out') whoAmI().then(() => { if (session.get() && !ended.get()) begin(); }, () => null);
      if (tiding.is === 'unsure') whoAmI().catch(() => null);
    });
    const leaveRecords = followRecords(cache);
    // The inbox follows the stream on every screen: its numbers stand beside the navigation.
    let over = false;
    let leave = () => {};
    void import('../features/inbox/live').then((inbox) => {
      if (over) return;
      leave = inbox.followInbox(cache);
      const count = () => badges.set({ '/inbox': cache.getQueryData<{ unanswered: number }>(['counts'])?.unanswered ?? 0 });
      count();
      const off = cache.getQueryCache().subscribe((event) => {
        if (event.query.queryKey[0] === 'counts') count();
      });
      const before = leave;
      leave = () => {
        before();
        off();
      };
    });
    return () => {
      over = true;
      leave();
      leaveRecords();
      unfollow();
    };
  }, [me.user.id]);

  // While nobody is signed in there is no stream. Afterwards what is on screen is asked for again; what was typed stays.
  const isOver = useStore(ended);
  const wasOver = useRef(false);
  useEffect(() => {
    if (wasOver.current && !isOver) void cache.invalidateQueries();
    wasOver.current = isOver;
    return isOver ? undefined : begin();
  }, [me.user.id, isOver]);

  // A new version is loaded when nobody looks: what is being written is kept in any case.
  const newer = useStore(upgraded);
  useEffect(() => {
    if (!newer) return;
    const reload = () => {
      if (document.visibilityState === 'hidden' && !isUnsaved()) location.reload();
    };
    document.addEventListener('visibilitychange', reload);
    return () => document.removeEventListener('visibilitychange', reload);
  }, [newer]);

  const everywhere: Command[] = [
    { id: 'palette', label: t.keys.palette, group: t.keys.general, keys: ['Mod+k'], inText: true, quiet: true, run: () => setOpen('palette') },
    { id: 'help', label: t.keys.help, group: t.keys.general, keys: ['?'], run: () => setOpen('help') },
    { id: 'search', label: t.keys.search, group: t.keys.general, keys: ['/'], run: () => void navigate({ to: '/search', search: { q: '' } }) },
    { id: 'undo', label: t.act.undo, group: t.keys.general, keys: ['z'], quiet: true, run: undoLast },
    { id: 'theme', label: t.keys.theme, group: t.keys.general, run: () => void prefer({ theme: matchMedia('(prefers-color-scheme: dark)').matches !== (me.preferences.theme !== undefined) ? 'light' : 'dark' }) },
    { id: 'language', label: t.keys.language, group: t.keys.general, run: () => void mayLeave().then((may) => may && speak(lang === 'th' ? 'en' : 'th')) },
    { id: 'account', label: t.nav.account, group: t.keys.general, keys: ['g a'], run: () => void navigate({ to: '/account' }) },
    { id: 'sign-out', label: t.act.signOut, group: t.keys.general, run: () => void mayLeave().then((may) => { if (may) void signOut(); }) },
    ...list.map((place): Command => ({ id: `go.${place.word}`, label: t.nav[place.word], group: t.keys.go, keys: [`g ${place.key}`], run: () => void navigate({ to: place.to }) })),
  ];
  useCommands(everywhere);

  const here = (to: string) => path === to || path.startsWith(`${to}/`);
  return (
    <div className="house">
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>('main')?.focus(); }}>
        {t.skip}
      </a>
      <aside className="sidebar">
        <div className="sidebar-head">
          <img src={`${import.meta.env.BASE_URL}icon.svg`} width={28} height={28} alt="" />
          <strong className="line grow">{me.company.name}</strong>
          <IconButton icon="search" label={t.keys.search} keys="/" onClick={() => void navigate({ to: '/search', search: { q: '' } })} />
        </div>
        <nav aria-label={t.nav.label} className="sidebar-nav">
          {(['work', 'manage'] as const).map((part) => (
            <ul key={part} aria-label={t.nav[part]}>
              {list.filter((place) => place.part === part).map((place) => (
                <li key={place.to}>
                  <Link to={place.to} className="nav-link" aria-current={here(place.to) ? 'page' : undefined}>
                    <Icon name={place.icon} />
                    <span className="grow line">{t.nav[place.word]}</span>
                    <Badge of={place.to} />
                  </Link>
                  {place.to === '/inbox' && <div id="inbox-views" />}
                </li>
              ))}
            </ul>
          ))}
        </nav>
        <div className="sidebar-foot">
          <ConnectionMark />
          {newer && <button type="button" className="nav-link small" onClick={() => location.reload()}>{t.live.upgraded}</button>}
          <Link to="/account" className="nav-link" aria-current={here('/account') ? 'page' : undefined}>
            <Avatar name={me.user.nickname ?? me.user.name} size={24} />
            <span className="grow line">{me.user.nickname ?? me.user.name}</span>
          </Link>
          <button type="button" className="nav-link" onClick={() => setOpen('palette')}>
            <Icon name="menu" />
            <span className="grow line">{t.keys.palette}</span>
            <kbd>{chordText('Mod+k')}</kbd>
          </button>
        </div>
      </aside>
      <main id="main" tabIndex={-1}>
        <Fault key={path.split('/')[1]}>
          <Outlet />
        </Fault>
      </main>
      <nav className="tabbar" aria-label={t.nav.label}>
        {list.slice(0, 4).map((place) => (
          <Link key={place.to} to={place.to} aria-current={here(place.to) ? 'page' : undefined}>
            <Icon name={place.icon} size={22} />
            <span>{t.nav[place.short ?? place.word]}</span>
          </Link>
        ))}
        <button type="button" onClick={() => setOpen('palette')}>
          <Icon name="more" size={22} />
          <span>{t.nav.more}</span>
        </button>
      </nav>
      <Toasts />
      <Leave />
      {isOver && <SignInAgain me={me} />}
      {open === 'palette' && <Palette onClose={() => setOpen(null)} />}
      {open === 'help' && <Help onClose={() => setOpen(null)} />}
    </div>
  );
}

function Badge({ of }: { of: string }) {
  const count = useStore(badges)[of];
  return count ? <span className="badge">{count > 99 ? '99+' : count}</span> : null;
}

/** Loads an area's words before its screen. */
export const withWords = (...areas: Parameters<typeof load>) => () => load(...areas);
