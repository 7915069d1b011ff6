import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search, text } from '../../search';

export const notificationsRoute = createRoute({
  getParentRoute: () => root,
  path: '/notifications',
  validateSearch: search((raw) => ({
    page: page(raw),
    /** Deliveries to this channel alone. */
    channel: text(raw, 'channel'),
  })),
  component: lazyRouteComponent(() => import('./NotificationsPage'), 'NotificationsPage'),
});
