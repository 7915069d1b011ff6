import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, page, search, text } from '../../search';

export const syncRoute = createRoute({
  getParentRoute: () => root,
  path: '/syncs/$syncId',
  validateSearch: search((raw) => ({
    tab: oneOf(raw, 'tab', ['runs', 'trends', 'configuration', 'cursor', 'records']),
    status: text(raw, 'status'),
    type: text(raw, 'type'),
    trigger: text(raw, 'trigger'),
    key: text(raw, 'key'),
    page: page(raw),
  })),
  component: lazyRouteComponent(() => import('./SyncPage'), 'SyncPage'),
});
