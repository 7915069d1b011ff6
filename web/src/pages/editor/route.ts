import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { search, text } from '../../search';

export const newSyncRoute = createRoute({
  getParentRoute: () => root,
  path: '/new-sync',
  validateSearch: search((raw) => ({ instance: text(raw, 'instance') })),
  component: lazyRouteComponent(() => import('./EditorPage'), 'EditorPage'),
});

export const editSyncRoute = createRoute({
  getParentRoute: () => root,
  path: '/syncs/$syncId/edit',
  component: lazyRouteComponent(() => import('./EditorPage'), 'EditorPage'),
});
