import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search } from '../../search';

export const instancesRoute = createRoute({
  getParentRoute: () => root,
  path: '/instances',
  validateSearch: search((raw) => ({ page: page(raw) })),
  component: lazyRouteComponent(() => import('./InstancesPage'), 'InstancesPage'),
});

export const instanceRoute = createRoute({
  getParentRoute: () => root,
  path: '/instances/$name',
  component: lazyRouteComponent(() => import('./InstancePage'), 'InstancePage'),
});
