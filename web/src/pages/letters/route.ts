import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { root } from '../../root';
import { oneOf, page, search, text } from '../../search';

export const lettersRoute = createRoute({
  getParentRoute: () => root,
  path: '/dead-letters',
  validateSearch: search((raw) => ({
    view: oneOf(raw, 'view', ['groups', 'records']),
    sync: text(raw, 'sync'),
    state: text(raw, 'state'),
    fingerprint: text(raw, 'fingerprint'),
    code: text(raw, 'code'),
    run: text(raw, 'run'),
    key: text(raw, 'key'),
    since: text(raw, 'since'),
    until: text(raw, 'until'),
    page: page(raw),
  })),
  component: lazyRouteComponent(() => import('./LettersPage'), 'LettersPage'),
});

export const letterRoute = createRoute({
  getParentRoute: () => root,
  path: '/dead-letters/$letterId',
  component: lazyRouteComponent(() => import('./LetterPage'), 'LetterPage'),
});
