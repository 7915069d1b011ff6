import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, search, text } from '../../search';
import { runSearch } from '../../ui/run-search';

export const TABS = ['runs', 'trends', 'configuration', 'cursor', 'records'] as const;
export type Tab = (typeof TABS)[number];

export const syncRoute = createRoute({
  getParentRoute: () => root,
  path: '/syncs/$syncId',
  validateSearch: search((raw) => ({
    ...runSearch(raw),
    tab: oneOf(raw, 'tab', TABS),
    /** Of trends: how many runs. */
    last: oneOf({ last: text(raw, 'last') }, 'last', ['100', '200']),
    /** Of the configuration: how it is shown. */
    view: oneOf(raw, 'view', ['yaml']),
    /** Of records: whose life is shown. */
    key: text(raw, 'key'),
    /** The run that the guided path follows. */
    follow: text(raw, 'follow'),
  })),
  component: lazyRouteComponent(() => import('./SyncPage'), 'SyncPage'),
});
