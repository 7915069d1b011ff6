import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';

export const overviewRoute = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./OverviewPage'), 'OverviewPage'),
});
