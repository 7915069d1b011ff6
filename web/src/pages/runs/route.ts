import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search, text } from '../../search';

export const runsRoute = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  validateSearch: search((raw) => ({
    status: text(raw, 'status'),
    type: text(raw, 'type'),
    trigger: text(raw, 'trigger'),
    q: text(raw, 'q'),
    since: text(raw, 'since'),
    until: text(raw, 'until'),
    page: page(raw),
  })),
  component: lazyRouteComponent(() => import('./RunsPage'), 'RunsPage'),
});
