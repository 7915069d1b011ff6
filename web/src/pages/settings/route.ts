import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';

export const settingsRoute = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('./SettingsPage'), 'SettingsPage'),
});
