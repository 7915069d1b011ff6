import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { page, search, text } from '../../search';

export const syncsRoute = createRoute({
  getParentRoute: () => root,
  path: '/syncs',
  validateSearch: search((raw) => ({
    q: text(raw, 'q'),
    instance: text(raw, 'instance'),
    state: text(raw, 'state'),
    tag: text(raw, 'tag'),
    page: page(raw),
  })),
  component: lazyRouteComponent(() => import('./SyncsPage'), 'SyncsPage'),
});
