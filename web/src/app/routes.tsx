import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { words } from '../i18n';
import { Empty, Failed, Loading } from '../ui/State';
import { Shell, withWords } from './Shell';
import { LinkPage } from './SignIn';

const root = createRootRoute({ notFoundComponent: () => <Empty title={words('core').error.page} /> });

const link = createRoute({
  getParentRoute: () => root,
  path: '/link/$token',
  component: function Link() {
    const { token } = link.useParams();
    const navigate = link.useNavigate();
    return <LinkPage token={token} done={() => void navigate({ to: '/' })} />;
  },
});

const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell });

const index = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/inbox', search: {} });
  },
});

/** A text of the address, or nothing. */
const text = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : typeof value === 'number' ? String(value) : undefined);

export interface InboxSearch {
  view?: string;
  room?: string;
  at?: string;
  q?: string;
}
const inbox = createRoute({
  getParentRoute: () => shell,
  path: '/inbox',
  validateSearch: (search: Record<string, unknown>): InboxSearch => ({
    view: text(search['view']),
    room: text(search['room']),
    at: text(search['at']),
    q: text(search['q']),
  }),
  loader: withWords('inbox'),
  component: lazyRouteComponent(() => import('../features/inbox/Inbox'), 'Inbox'),
});

/** Filters are in the address, so that going back finds them. */
export type Filters = Record<string, string | undefined>;
const filters = (search: Record<string, unknown>): Filters => Object.fromEntries(Object.entries(search).map(([key, value]) => [key, text(value)]));

const customers = createRoute({
  getParentRoute: () => shell,
  path: '/customers',
  validateSearch: filters,
  loader: withWords('customer', 'record'),
  component: lazyRouteComponent(() => import('../features/customer/CustomerList'), 'CustomerList'),
});
const customer = createRoute({
  getParentRoute: () => shell,
  path: '/customers/$code',
  loader: withWords('customer', 'record'),
  component: lazyRouteComponent(() => import('../features/customer/CustomerPage'), 'CustomerPage'),
});
const tasks = createRoute({ getParentRoute: () => shell, path: '/tasks', validateSearch: filters, loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/task/TaskList'), 'TaskList') });
const task = createRoute({ getParentRoute: () => shell, path: '/tasks/$id', loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/task/TaskPage'), 'TaskPage') });
const products = createRoute({ getParentRoute: () => shell, path: '/products', validateSearch: filters, loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/product/ProductList'), 'ProductList') });
const product = createRoute({ getParentRoute: () => shell, path: '/products/$id', loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/product/ProductPage'), 'ProductPage') });
const deals = createRoute({ getParentRoute: () => shell, path: '/deals', validateSearch: filters, loader: withWords('work', 'sale', 'record'), component: lazyRouteComponent(() => import('../features/deal/Deals'), 'Deals') });
const deal = createRoute({ getParentRoute: () => shell, path: '/deals/$id', loader: withWords('work', 'sale', 'record'), component: lazyRouteComponent(() => import('../features/deal/DealPage'), 'DealPage') });
const cases = createRoute({ getParentRoute: () => shell, path: '/cases', validateSearch: filters, loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/case/Cases'), 'Cases') });
const caseOne = createRoute({ getParentRoute: () => shell, path: '/cases/$id', loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/case/CasePage'), 'CasePage') });
const activities = createRoute({ getParentRoute: () => shell, path: '/activities', validateSearch: filters, loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/activity/Activities'), 'Activities') });
const activity = createRoute({ getParentRoute: () => shell, path: '/activities/$id', loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/activity/Activities'), 'ActivityPage') });
const quotations = createRoute({ getParentRoute: () => shell, path: '/quotations', validateSearch: filters, loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/quotation/Quotations'), 'Quotations') });
const quotation = createRoute({ getParentRoute: () => shell, path: '/quotations/$id', loader: withWords('work', 'sale', 'record'), component: lazyRouteComponent(() => import('../features/quotation/QuotationPage'), 'QuotationPage') });
const orders = createRoute({ getParentRoute: () => shell, path: '/orders', validateSearch: filters, loader: withWords('work', 'record'), component: lazyRouteComponent(() => import('../features/order/Orders'), 'Orders') });
const order = createRoute({ getParentRoute: () => shell, path: '/orders/$id', loader: withWords('work', 'sale', 'record'), component: lazyRouteComponent(() => import('../features/order/OrderPage'), 'OrderPage') });
const webhooks = createRoute({ getParentRoute: () => shell, path: '/webhooks', validateSearch: filters, loader: withWords('manage', 'record'), component: lazyRouteComponent(() => import('../features/webhook/Webhooks'), 'Webhooks') });
const webhook = createRoute({ getParentRoute: () => shell, path: '/webhooks/$id', loader: withWords('manage', 'record'), component: lazyRouteComponent(() => import('../features/webhook/Webhooks'), 'WebhookPage') });
const users = createRoute({ getParentRoute: () => shell, path: '/users', validateSearch: filters, loader: withWords('manage', 'record'), component: lazyRouteComponent(() => import('../features/manage/Users'), 'Users') });
const imports = createRoute({ getParentRoute: () => shell, path: '/imports', validateSearch: filters, loader: withWords('manage', 'record'), component: lazyRouteComponent(() => import('../features/manage/Imports'), 'Imports') });
const privacy = createRoute({ getParentRoute: () => shell, path: '/privacy', validateSearch: filters, loader: withWords('manage', 'record'), component: lazyRouteComponent(() => import('../features/manage/Privacy'), 'Privacy') });
const channels = createRoute({ getParentRoute: () => shell, path: '/channels', validateSearch: filters, loader: withWords('admin', 'record'), component: lazyRouteComponent(() => import('../features/channel/Channels'), 'Channels') });
const channel = createRoute({ getParentRoute: () => shell, path: '/channels/$id', loader: withWords('admin', 'record'), component: lazyRouteComponent(() => import('../features/channel/ChannelPage'), 'ChannelPage') });
const clients = createRoute({ getParentRoute: () => shell, path: '/clients', validateSearch: filters, loader: withWords('admin', 'record'), component: lazyRouteComponent(() => import('../features/client/Clients'), 'Clients') });
const client = createRoute({ getParentRoute: () => shell, path: '/clients/$id', loader: withWords('admin', 'record'), component: lazyRouteComponent(() => import('../features/client/Clients'), 'ClientPage') });
const jobs = createRoute({ getParentRoute: () => shell, path: '/jobs', validateSearch: filters, loader: withWords('admin', 'record'), component: lazyRouteComponent(() => import('../features/system/Jobs'), 'Jobs') });
const system = createRoute({ getParentRoute: () => shell, path: '/system', loader: withWords('admin', 'record'), component: lazyRouteComponent(() => import('../features/system/System'), 'System') });
const contracts = createRoute({ getParentRoute: () => shell, path: '/contracts', validateSearch: filters, loader: withWords('sale', 'record'), component: lazyRouteComponent(() => import('../features/contract/Contracts'), 'Contracts') });
const contract = createRoute({ getParentRoute: () => shell, path: '/contracts/$id', loader: withWords('sale', 'work', 'record'), component: lazyRouteComponent(() => import('../features/contract/Contracts'), 'ContractPage') });
const expenses = createRoute({ getParentRoute: () => shell, path: '/expenses', validateSearch: filters, loader: withWords('sale', 'record'), component: lazyRouteComponent(() => import('../features/expense/Expenses'), 'Expenses') });
const expense = createRoute({ getParentRoute: () => shell, path: '/expenses/$id', loader: withWords('sale', 'record'), component: lazyRouteComponent(() => import('../features/expense/ExpensePage'), 'ExpensePage') });
const reports = createRoute({ getParentRoute: () => shell, path: '/reports', validateSearch: filters, loader: withWords('sale', 'record'), component: lazyRouteComponent(() => import('../features/report/Reports'), 'Reports') });
const mail = createRoute({ getParentRoute: () => shell, path: '/mail', validateSearch: filters, loader: withWords('sale', 'record'), component: lazyRouteComponent(() => import('../features/mail/Mails'), 'Mails') });
const message = createRoute({ getParentRoute: () => shell, path: '/messages/$id', loader: withWords('inbox'), component: lazyRouteComponent(() => import('../features/inbox/Passport'), 'Passport') });
const audit = createRoute({ getParentRoute: () => shell, path: '/audit', validateSearch: filters, loader: withWords('manage', 'record', 'audit', 'work', 'sale', 'customer'), component: lazyRouteComponent(() => import('../features/manage/Audit'), 'Audit') });
const templates = createRoute({ getParentRoute: () => shell, path: '/templates', loader: withWords('manage', 'record'), component: lazyRouteComponent(() => import('../features/manage/Templates'), 'Templates') });
const settings = createRoute({ getParentRoute: () => shell, path: '/settings', loader: withWords('manage', 'record'), component: lazyRouteComponent(() => import('../features/manage/Settings'), 'Settings') });
const search = createRoute({
  getParentRoute: () => shell,
  path: '/search',
  validateSearch: (search: Record<string, unknown>) => ({ q: text(search['q']) ?? '' }),
  loader: withWords('record'),
  component: lazyRouteComponent(() => import('../features/search/Search'), 'Search'),
});
const account = createRoute({
  getParentRoute: () => shell,
  path: '/account',
  loader: withWords('account'),
  component: lazyRouteComponent(() => import('../features/account/Account'), 'Account'),
});

export const router = createRouter({
  routeTree: root.addChildren([link, shell.addChildren([index, inbox, message, mail, contracts, contract, expenses, expense, reports, channels, channel, clients, client, jobs, system, orders, order, privacy, customers, customer, tasks, task, products, product, deals, deal, cases, caseOne, activities, activity, quotations, quotation, webhooks, webhook, users, imports, audit, templates, settings, search, account])]),
  basepath: '/console',
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: Loading,
  defaultPendingMs: 300,
  defaultErrorComponent: ({ error, reset }) => <Failed error={error} retry={reset} />,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
