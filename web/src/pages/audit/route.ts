import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search, text } from '../../search';

export const auditRoute = createRoute({
  getParentRoute: () => root,
  path: '/audit',
  validateSearch: search((raw) => ({
    actor: text(raw, 'actor'),
    action: text(raw, 'action'),
    target: text(raw, 'target'),
    since: text(raw, 'since'),
    until: text(raw, 'until'),
    page: page(raw),
    /** The number of the record that is shown in full. */
    record: text(raw, 'record'),
  })),
  component: lazyRouteComponent(() => import('./AuditPage'), 'AuditPage'),
});
