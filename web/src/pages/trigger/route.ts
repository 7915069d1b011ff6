import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, search, text } from '../../search';

export const triggerRoute = createRoute({
  getParentRoute: () => root,
  path: '/trigger',
  validateSearch: search((raw) => ({
    instance: text(raw, 'instance'),
    entity: text(raw, 'entity'),
    type: oneOf(raw, 'type', ['sync', 'one_time', 'test', 'seed']),
    /** The run whose panel is shown, and whether it waited already when it was asked for. */
    run: text(raw, 'run'),
    joined: raw.joined === true ? true : undefined,
  })),
  component: lazyRouteComponent(() => import('./TriggerPage'), 'TriggerPage'),
});
