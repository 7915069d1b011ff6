import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { search, text } from '../../search';

export const newSyncRoute = createRoute({
  getParentRoute: () => root,
  path: '/new-sync',
  validateSearch: search((raw) => ({
    instance: text(raw, 'instance'),
    // What is read, as a connection's page offers it.
    source: text(raw, 'source'),
    table: text(raw, 'table'),
    file: text(raw, 'file'),
  })),
  component: lazyRouteComponent(() => import('./NewSyncPage'), 'NewSyncPage'),
});

export const editSyncRoute = createRoute({
  getParentRoute: () => root,
  path: '/syncs/$syncId/edit',
  component: lazyRouteComponent(() => import('./EditSyncPage'), 'EditSyncPage'),
});
