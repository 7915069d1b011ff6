import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { search } from '../../search';
import { runSearch } from '../../ui/run-search';

export const runsRoute = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  validateSearch: search(runSearch),
  component: lazyRouteComponent(() => import('./RunsPage'), 'RunsPage'),
});
