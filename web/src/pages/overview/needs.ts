import type { LinkProps } from '@tanstack/react-router';
import type { Schemas } from '../../api/types';
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

export type Kind = 'held' | 'halted' | 'failing' | 'review' | 'systematic' | 'problem' | 'letters';

/** What is known of the workspace. */
export interface Known {
  attention: Schemas['AttentionList'];
  trends: Schemas['TrendsView'][];
  problems: Schemas['ProblemItem'][];
}

/** All that waits for a person: what stands still first, then what goes wrong, then what can wait. */
export function needsOf({ attention, trends, problems }: Known): Need[] {
  const isNew = (syncId: string) => attention.review.some(({ sync_id }) => sync_id === syncId);
  const isHalted = (syncId: string) => attention.halted.some(({ sync_id }) => sync_id === syncId);
  return [
    ...attention.held.map(heldRun),
    ...attention.halted.map(haltedSync),
    ...attention.failing.filter(({ sync_id }) => !isHalted(sync_id)).map(failingSync),
    ...attention.review.map(firstErrors),
    ...trends.filter(({ sync_id, systematic_errors }) => systematic_errors && !isNew(sync_id)).map(goingOn),
    ...problems.filter(({ warning }) => !warning).map(problem),
    ...attention.dead_letters.map(letters),
  ];
}

function heldRun({ run_id, sync_id, reasons, held_at }: Schemas['HeldView']): Need {
  return {
    key: run_id,
    kind: 'held',
    title: `A run of ${sync_id} is held`,
    detail: reasons.join('; ') || undefined,
    at: held_at,
    todo: 'Approve or reject',
    to: '/runs/$runId',
    params: { runId: run_id },
    search: { tab: 'plan' },
  };
}

function haltedSync({ sync_id, reason, since }: Schemas['HaltedSyncView']): Need {
  return {
    key: `halted ${sync_id}`,
    kind: 'halted',
    title: `${sync_id} is halted`,
    detail: reason,
    at: since,
    todo: 'Find out why, activate again',
    to: '/syncs/$syncId',
    params: { syncId: sync_id },
  };
}

function failingSync({ sync_id, run_id, error, completed_at }: Schemas['FailingView']): Need {
  return {
    key: `failing ${sync_id}`,
    kind: 'failing',
    title: `${sync_id} fails`,
    detail: error?.message,
    at: completed_at,
    todo: 'See the error',
    to: '/runs/$runId',
    params: { runId: run_id },
  };
}

function firstErrors({ sync_id, run_id, rows_failed, completed_at }: Schemas['FirstErrorsView']): Need {
  return {
    key: `review ${sync_id}`,
    kind: 'review',
    title: `${sync_id} has errors for the first time`,
    detail: `${counted(rows_failed, 'row')} failed. Often it is the mapping, or the quality of the data.`,
    at: completed_at,
    todo: 'Review the errors',
    to: '/runs/$runId',
    params: { runId: run_id },
    search: { tab: 'errors' },
  };
}

function goingOn({ sync_id, points: [latest] }: Schemas['TrendsView']): Need {
  const failed = latest && `${count(latest.rows_failed)} of ${counted(latest.rows_processed, 'row')}`;
  return {
    key: `systematic ${sync_id}`,
    kind: 'systematic',
    title: `${sync_id} has errors in every run`,
    detail: `More than 1 % of the rows failed three times in a row${failed ? `, last ${failed}` : ''}.`,
    at: latest?.at,
    todo: 'Find the cause',
    to: '/dead-letters',
    search: { sync: sync_id, state: 'open', view: 'groups' },
  };
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

function letters({ sync_id, open }: Schemas['OpenLettersView']): Need {
  return {
    key: `letters ${sync_id}`,
    kind: 'letters',
    title: `${counted(open, 'record')} of ${sync_id} could not be delivered`,
    detail: 'Fix the cause or the record, then replay.',
    todo: 'Open the dead letters',
    to: '/dead-letters',
    search: { sync: sync_id, state: 'open' },
  };
}
