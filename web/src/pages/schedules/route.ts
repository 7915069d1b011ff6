import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search, text } from '../../search';

export const schedulesRoute = createRoute({
  getParentRoute: () => root,
  path: '/schedules',
  validateSearch: search((raw) => ({ open: text(raw, 'open'), page: page(raw) })),
  component: lazyRouteComponent(() => import('./SchedulesPage'), 'SchedulesPage'),
});
