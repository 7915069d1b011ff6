import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, page, search, text } from '../../search';

export const runRoute = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  validateSearch: search((raw) => ({
    tab: oneOf(raw, 'tab', ['errors', 'rows', 'plan', 'performance', 'options']),
    /** Of errors: the beginning of a row's id. Of rows: the whole. */
    key: text(raw, 'key'),
    operation: text(raw, 'operation'),
    status: text(raw, 'status'),
    code: text(raw, 'code'),
    field: text(raw, 'field'),
    stage: oneOf(raw, 'stage', ['ingest', 'normalize', 'transform', 'execute', 'finalize']),
    page: page(raw),
  })),
  component: lazyRouteComponent(() => import('./RunPage'), 'RunPage'),
});
