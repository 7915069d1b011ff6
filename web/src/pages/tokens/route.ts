import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search } from '../../search';

export const tokensRoute = createRoute({
  getParentRoute: () => root,
  path: '/tokens',
  validateSearch: search((raw) => ({ page: page(raw) })),
  component: lazyRouteComponent(() => import('./TokensPage'), 'TokensPage'),
});
