import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, page, search, text } from '../../search';

export const connectionsRoute = createRoute({
  getParentRoute: () => root,
  path: '/connections',
  validateSearch: search((raw) => ({ page: page(raw) })),
  component: lazyRouteComponent(() => import('./ConnectionsPage'), 'ConnectionsPage'),
});

export const connectionRoute = createRoute({
  getParentRoute: () => root,
  path: '/connections/$name',
  validateSearch: search((raw) => ({
    tab: oneOf(raw, 'tab', ['objects', 'settings']),
    q: text(raw, 'q'),
  })),
  component: lazyRouteComponent(() => import('./ConnectionPage'), 'ConnectionPage'),
});

export const newConnectionRoute = createRoute({
  getParentRoute: () => root,
  path: '/new-connection',
  validateSearch: search((raw) => ({ type: text(raw, 'type'), next: oneOf(raw, 'next', ['instance']) })),
  component: lazyRouteComponent(() => import('./NewConnectionPage'), 'NewConnectionPage'),
});
