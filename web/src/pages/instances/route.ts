import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, page, search, text } from '../../search';

export const instancesRoute = createRoute({
  getParentRoute: () => root,
  path: '/instances',
  validateSearch: search((raw) => ({
    page: page(raw),
    make: raw.make === true ? true : undefined,
    // What a sync of the instance that is made will read.
    source: text(raw, 'source'),
    table: text(raw, 'table'),
    file: text(raw, 'file'),
  })),
  component: lazyRouteComponent(() => import('./InstancesPage'), 'InstancesPage'),
});

export const instanceRoute = createRoute({
  getParentRoute: () => root,
  path: '/instances/$name',
  validateSearch: search((raw) => ({ tab: oneOf(raw, 'tab', ['syncs', 'settings', 'yaml']) })),
  component: lazyRouteComponent(() => import('./InstancePage'), 'InstancePage'),
});
