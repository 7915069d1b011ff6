import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search } from '../../search';

export const connectionsRoute = createRoute({
  getParentRoute: () => root,
  path: '/connections',
  validateSearch: search((raw) => ({ page: page(raw) })),
  component: lazyRouteComponent(() => import('./ConnectionsPage'), 'ConnectionsPage'),
});

export const connectionRoute = createRoute({
  getParentRoute: () => root,
  path: '/connections/$name',
  component: lazyRouteComponent(() => import('./ConnectionPage'), 'ConnectionPage'),
});

export const newConnectionRoute = createRoute({
  getParentRoute: () => root,
  path: '/new-connection',
  component: lazyRouteComponent(() => import('./ConnectionPage'), 'ConnectionPage'),
});
