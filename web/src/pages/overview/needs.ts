import type { LinkProps } from '@tanstack/react-router';
import type { Run, Schemas, Sync } from '../../api/types';
import { count, counted } from '../../ui/format';

/** Something that waits for a person, with the place where it is decided. */
export interface Need {
  key: string;
  kind: Kind;
  title: string;
  detail?: string;
  /** Since when. */
  at?: string | null;
  /** What is done there. */
  todo: string;
  to: LinkProps['to'];
  params?: Record<string, string>;
  search?: Record<string, unknown>;
}

/** In the order of urgency: what stands still first, then what goes wrong, then what can wait. */
const KINDS = ['held', 'halted', 'failing', 'review', 'systematic', 'problem', 'letters'] as const;
export type Kind = (typeof KINDS)[number];

/** What is known of the workspace. */
export interface Known {
  syncs: Sync[];
  held: Run[];
  /** The guard that holds a run, in a sentence, by run. */
  guards: Record<string, string | undefined>;
  trends: Schemas['TrendsView'][];
  problems: Schemas['ProblemItem'][];
}

/** All that waits for a person, the most urgent first. */
export function needsOf({ syncs, held, guards, trends, problems }: Known): Need[] {
  const needs: Need[] = [
    ...held.map((run) => heldRun(run, guards[run.id])),
    ...syncs.filter(({ state }) => state === 'halted').map(haltedSync),
    ...syncs.filter(isFailing).map(failingSync),
    ...trends.flatMap(erring),
    ...problems.filter(({ warning }) => !warning).map(problem),
    ...syncs.filter((sync) => sync.dead_letters > 0).map(letters),
  ];
  const urgency = ({ kind }: Need) => KINDS.indexOf(kind);
  const since = ({ at }: Need) => (at ? new Date(at).getTime() : 0);
  return needs.toSorted((a, b) => urgency(a) - urgency(b) || since(b) - since(a));
}

function heldRun(run: Run, guard: string | undefined): Need {
  return {
    key: run.id,
    kind: 'held',
    title: `A run of ${run.sync_id} is held`,
    detail: guard ?? 'A guard stopped it before the first write.',
    at: run.started_at ?? run.created_at,
    todo: 'Approve or reject',
    to: '/runs/$runId',
    params: { runId: run.id },
    search: { tab: 'plan' },
  };
}

function haltedSync(sync: Sync): Need {
  return {
    key: `halted ${sync.id}`,
    kind: 'halted',
    title: `${sync.id} is halted`,
    detail: sync.halted?.reason,
    at: sync.halted?.since,
    todo: 'Find out why, activate again',
    to: '/syncs/$syncId',
    params: { syncId: sync.id },
  };
}

/** Its latest run that was to write failed; a halted one is told as that. */
function isFailing({ state, last_run: run }: Sync): boolean {
  if (state === 'halted' || !run || run.dry_run) return false;
  return run.status === 'failed' || run.status === 'source_failure';
}

function failingSync(sync: Sync): Need {
  const run = sync.last_run;
  return {
    key: `failing ${sync.id}`,
    kind: 'failing',
    title: `${sync.id} fails`,
    detail: run?.error?.message,
    at: run?.completed_at,
    todo: 'See the error',
    to: '/runs/$runId',
    params: { runId: run?.id ?? '' },
  };
}

function erring(trend: Schemas['TrendsView']): Need[] {
  const latest = trend.points[0];
  if (!latest) return [];
  const failed = `${count(latest.rows_failed)} of ${counted(latest.rows_processed, 'row')} failed`;
  if (trend.review_first_errors)
    return [
      {
        key: `review ${trend.sync_id}`,
        kind: 'review',
        title: `${trend.sync_id} has errors for the first time`,
        detail: `${failed}. Often it is the mapping or a quality of the data.`,
        at: latest.at,
        todo: 'Review the errors',
        to: '/runs/$runId',
        params: { runId: latest.run_id },
        search: { tab: 'errors' },
      },
    ];
  if (trend.systematic_errors)
    return [
      {
        key: `systematic ${trend.sync_id}`,
        kind: 'systematic',
        title: `${trend.sync_id} has errors in every run`,
        detail: `More than 1 % of the rows failed three times in a row, last ${failed}.`,
        at: latest.at,
        todo: 'Find the cause',
        to: '/dead-letters',
        search: { sync: trend.sync_id, state: 'open', view: 'groups' },
      },
    ];
  return [];
}

function problem({ at, message, code }: Schemas['ProblemItem']): Need {
  return {
    key: `problem ${at} ${code}`,
    kind: 'problem',
    title: `The configuration has an error${at ? ` at ${at}` : ''}`,
    detail: message,
    todo: 'See all problems',
    to: '/settings',
  };
}

function letters(sync: Sync): Need {
  return {
    key: `letters ${sync.id}`,
    kind: 'letters',
    title: `${counted(sync.dead_letters, 'record')} of ${sync.id} could not be delivered`,
    detail: 'Fix the cause or the record, then replay.',
    todo: 'Open the dead letters',
    to: '/dead-letters',
    search: { sync: sync.id, state: 'open' },
  };
}
