import { createRouter } from '@tanstack/react-router';
import { auditRoute } from './pages/audit/route';
import { connectionRoute, connectionsRoute, newConnectionRoute } from './pages/connections/route';
import { editSyncRoute, newSyncRoute } from './pages/editor/route';
import { insightsRoute } from './pages/insights/route';
import { instanceRoute, instancesRoute } from './pages/instances/route';
import { letterRoute, lettersRoute } from './pages/letters/route';
import { notificationsRoute } from './pages/notifications/route';
import { overviewRoute } from './pages/overview/route';
import { runRoute } from './pages/run/route';
import { runsRoute } from './pages/runs/route';
import { schedulesRoute } from './pages/schedules/route';
import { settingsRoute } from './pages/settings/route';
import { syncRoute } from './pages/sync/route';
import { syncsRoute } from './pages/syncs/route';
import { tokensRoute } from './pages/tokens/route';
import { triggerRoute } from './pages/trigger/route';
import { root } from './root';
import { Broken } from './shell/Broken';

export const router = createRouter({
  routeTree: root.addChildren([
    overviewRoute,
    insightsRoute,
    syncsRoute,
    syncRoute,
    newSyncRoute,
    editSyncRoute,
    runsRoute,
    runRoute,
    triggerRoute,
    lettersRoute,
    letterRoute,
    schedulesRoute,
    instancesRoute,
    instanceRoute,
    connectionsRoute,
    connectionRoute,
    newConnectionRoute,
    notificationsRoute,
    tokensRoute,
    auditRoute,
    settingsRoute,
  ]),
  defaultPreload: 'intent',
  defaultErrorComponent: Broken,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
