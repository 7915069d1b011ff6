import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search } from '../../search';

export const schedulesRoute = createRoute({
  getParentRoute: () => root,
  path: '/schedules',
  validateSearch: search((raw) => ({ page: page(raw) })),
  component: lazyRouteComponent(() => import('./SchedulesPage'), 'SchedulesPage'),
});
