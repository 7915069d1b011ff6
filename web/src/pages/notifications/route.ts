import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search } from '../../search';

export const notificationsRoute = createRoute({
  getParentRoute: () => root,
  path: '/notifications',
  validateSearch: search((raw) => ({ page: page(raw) })),
  component: lazyRouteComponent(() => import('./NotificationsPage'), 'NotificationsPage'),
});
