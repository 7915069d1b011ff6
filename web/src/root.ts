import { createRootRoute } from '@tanstack/react-router';
import { NothingHere } from './shell/NothingHere';
import { Shell } from './shell/Shell';

/** What stands around every page. */
export const root = createRootRoute({ component: Shell, notFoundComponent: NothingHere });
