import type { Schemas } from '../../api/types';
import { instant } from '../../ui/timefilter';

/** What the address of the queue says. */
export interface LettersSearch {
  view?: 'groups' | 'records';
  sync?: string;
  state?: string;
  fingerprint?: string;
  code?: string;
  run?: string;
  key?: string;
  since?: string;
  until?: string;
  page?: number;
}

type StateName = Schemas['LetterStateName'];

export const STATES: StateName[] = [
  'open',
  'replaying',
  'resolved_auto',
  'resolved_replay',
  'resolved_user',
  'ignored',
  'expired',
];
/** What is shown unless somebody asks for other states. */
const WAITING: StateName[] = ['open', 'replaying'];
/** In the address: whatever state. */
export const ANY_STATE = 'any';

/** The states that are shown; none means all. */
export function statesOf(search: LettersSearch): StateName[] {
  if (!search.state) return WAITING;
  return STATES.filter((state) => search.state?.split(',').includes(state));
}

/** The filters as the lists and the export take them. */
export function queryOf(search: LettersSearch) {
  const states = statesOf(search);
  return {
    sync_id: search.sync,
    state: states.length > 0 ? states.join(',') : undefined,
    run_id: search.run,
    key: search.key,
    fingerprint: search.fingerprint,
    code: search.code,
    since: instant(search.since),
    until: instant(search.until),
  };
}

/** Letters that something is done to: some by name, or all that have something in common. */
export type Scope = { ids: string[] } | { match: Schemas['LetterMatch'] };

/** All letters that the filters show. */
export function scopeOf(search: LettersSearch): Scope {
  const { state, ...query } = queryOf(search);
  return { match: { ...query, state: state ? statesOf(search) : undefined } };
}

/** The letters of a scope that are in one of `states`, as requests name them. */
export function choiceOf(scope: Scope, states: StateName[]): Schemas['LetterChoice'] {
  if ('ids' in scope) return { ids: scope.ids };
  const wanted = scope.match.state?.filter((state) => states.includes(state));
  return { filter: { ...scope.match, state: wanted && wanted.length > 0 ? wanted : states } };
}

/** Where the export of a scope is read. */
export function exportOf(match: Schemas['LetterMatch'], format: 'jsonl' | 'csv'): string {
  const asked = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(match)) {
    if (value) asked.set(name, Array.isArray(value) ? value.join(',') : value);
  }
  return `/api/v1/dead-letters/export?${asked}`;
}
