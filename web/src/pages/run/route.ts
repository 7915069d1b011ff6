import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, page, search, text } from '../../search';

export const runRoute = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  validateSearch: search((raw) => ({
    tab: oneOf(raw, 'tab', ['errors', 'rows', 'plan', 'performance', 'options']),
    key: text(raw, 'key'),
    operation: text(raw, 'operation'),
    status: text(raw, 'status'),
    page: page(raw),
  })),
  component: lazyRouteComponent(() => import('./RunPage'), 'RunPage'),
});
