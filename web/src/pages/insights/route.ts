import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, page, search } from '../../search';

export const insightsRoute = createRoute({
  getParentRoute: () => root,
  path: '/insights',
  validateSearch: search((raw) => ({
    window: oneOf(raw, 'window', ['24h', '7d', '30d']),
    /** Only syncs with errors. */
    only: oneOf(raw, 'only', ['errors']),
    page: page(raw),
  })),
  component: lazyRouteComponent(() => import('./InsightsPage'), 'InsightsPage'),
});
