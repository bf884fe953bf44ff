import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './style/fonts.css';
import './style/base.css';
import './style/ui.css';
import './style/shell.css';
import { Fault } from './app/Fault';
import { router } from './app/routes';
import { cache } from './app/session';
import { listen } from './keys';
import { lang, load } from './i18n';
import { uuid7 } from './live/uuid';

// Over plain http browsers leave this out.
if (!window.isSecureContext) Object.defineProperty(crypto, 'randomUUID', { value: () => uuid7() });
document.documentElement.lang = lang;
listen();
await load('core', 'sign');

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Fault>
        <QueryClientProvider client={cache}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </Fault>
    </StrictMode>,
  );
}

/** The semibold font comes last: when nothing has been asked for during a second, and the page is idle. */
const idle = window.requestIdleCallback ?? ((act: () => void) => setTimeout(act, 1500));
let quiet = 0;
const bold = () => {
  quiet = cache.isFetching() > 0 ? 0 : quiet + 1;
  if (quiet < 5) setTimeout(bold, 250);
  else idle(() => void import('./style/bold.css').catch(() => null));
};
if (document.readyState === 'complete') bold();
else addEventListener('load', bold);
