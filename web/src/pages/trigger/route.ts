import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { search, text } from '../../search';

export const triggerRoute = createRoute({
  getParentRoute: () => root,
  path: '/trigger',
  validateSearch: search((raw) => ({
    instance: text(raw, 'instance'),
    entity: text(raw, 'entity'),
    type: text(raw, 'type'),
    run: text(raw, 'run'),
  })),
  component: lazyRouteComponent(() => import('./TriggerPage'), 'TriggerPage'),
});
