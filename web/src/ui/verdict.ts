import type { Run, RunDetail } from '../api/types';
import type { Figures } from './figures';
import { count, counted, duration, moment } from './format';

/** The story of a run in a sentence or two. */
export function verdict(run: RunDetail, figures: Figures): string {
  switch (figures.status) {
    case 'scheduled':
      return run.run_at
        ? `Scheduled: it will start at ${moment(run.run_at)}.`
        : 'Scheduled: it will start when its time comes.';
    case 'queued':
      return run.planned_at
        ? 'Approved, and waiting for its turn to write.'
        : 'Waiting for its turn. Nothing was read or written yet.';
    case 'starting':
      return 'Starting: the run has a worker, and nothing was read yet.';
    case 'running':
      return running(figures);
    case 'completed':
      return run.dry_run ? tested(run) : completed(run);
    case 'failed':
      return `Failed${after(run)}${where(run)}. ${written(run)}`;
    case 'source_failure':
      return `The source could not be read. ${written(run)}`;
    case 'cancelled':
      return `${cancelled(run)} ${written(run)}`;
    case 'held':
      return held(run);
    case 'not_run':
      return notRun(run.end_reason);
    default:
      return `The run is ${figures.status}.`;
  }
}

function running(figures: Figures): string {
  const total = figures.total ?? 0;
  switch (figures.phase) {
    case 'extracting':
      return total > 0 ? `Reading the source: ${counted(total, 'row')} so far.` : 'Reading the source.';
    case 'detecting_changes':
      return total > 0
        ? `Comparing ${counted(total, 'row')} with what was delivered before.`
        : 'Comparing with what was delivered before.';
    case 'writing':
      return figures.planned
        ? `Writing: ${count(figures.sent ?? 0)} of ${counted(figures.planned, 'change')} sent.`
        : 'Writing to the destination.';
    case 'finalizing':
      return 'Recording what was done.';
    default:
      return 'Running.';
  }
}

/** `1,205 created, 13,891 updated, 336 failed`: what is zero is left out. */
function listed(parts: [number, string][]): string {
  return parts
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${count(n)} ${word}`)
    .join(', ');
}

function done(run: RunDetail): string {
  return listed([
    [run.rows_created, 'created'],
    [run.rows_updated, 'updated'],
    [run.rows_deleted, 'deleted'],
    [run.rows_failed, 'failed'],
    [run.rows_delete_failed, 'not deleted because of errors'],
    [run.rows_not_attempted, 'not attempted'],
  ]);
}

function completed(run: RunDetail): string {
  const read = `Completed${inTime(run)}: ${counted(run.rows_processed, 'row')} read`;
  const rest = done(run);
  if (rest) return `${read}, ${rest}.`;
  if (run.rows_processed === 0) return `${read}; there was nothing to do.`;
  const isSame = run.rows_skipped === (run.skipped.unchanged ?? 0);
  return isSame
    ? `${read}, nothing to change: the target has them as they are.`
    : `${read}, and all were skipped.`;
}

function tested(run: RunDetail): string {
  const planned = listed([
    [run.rows_created, 'created'],
    [run.rows_updated, 'updated'],
    [run.rows_deleted, 'deleted'],
  ]);
  const failing = run.rows_failed > 0 ? ` ${counted(run.rows_failed, 'row')} would fail.` : '';
  const read = `Test completed${inTime(run)}: of ${counted(run.rows_processed, 'row')} read,`;
  return planned
    ? `${read} ${planned.replace(/^(\S+) /, '$1 would be ')}.${failing} Nothing was written.`
    : `${read} none would change anything.${failing} Nothing was written.`;
}

function held(run: RunDetail): string {
  const tripped = run.guards.filter((guard) => guard.tripped);
  const who =
    tripped.length > 0
      ? `by ${tripped.map((guard) => guard.guard).join(' and ')}`
      : 'until somebody looks at its plan';
  const plan = [
    [run.rows_created, 'create'],
    [run.rows_updated, 'update'],
    [run.rows_deleted, 'delete'],
  ] as const;
  const would = plan.filter(([n]) => n > 0).map(([n, verb]) => `${verb} ${counted(n, 'record')}`);
  return `Held ${who}. Nothing was written. ${would.length > 0 ? `It would ${would.join(', ')}.` : 'Its plan holds no change.'}`;
}

function cancelled(run: RunDetail): string {
  switch (run.end_reason) {
    case 'rejected':
      return 'Rejected.';
    case 'expired':
      return 'Nobody decided on the held run in time, so it ended.';
    case 'deactivated':
      return 'Cancelled, because its sync was deactivated.';
    case 'superseded':
      return 'Cancelled, because another run took its place.';
    default:
      return `Cancelled${after(run)}${where(run)}.`;
  }
}

function notRun(reason: string | null | undefined): string {
  switch (reason) {
    case 'overlap':
      return 'Not run: another run of the sync was queued or going on when it was due.';
    case 'held':
      return 'Not run: a held run of the sync was waiting for a decision when it was due.';
    case 'superseded':
      return 'Not run: another run took its place.';
    case 'deactivated':
      return 'Not run: its sync was deactivated.';
    case 'cancelled':
      return 'Not run: it was cancelled before it was due.';
    default:
      return 'Not run.';
  }
}

/** What a run that ended early left at the target. */
function written(run: RunDetail): string {
  if (!run.partially_written) return 'Nothing was written.';
  const there = listed([
    [run.rows_created, 'created'],
    [run.rows_updated, 'updated'],
    [run.rows_deleted, 'deleted'],
  ]);
  const open =
    run.rows_not_attempted > 0
      ? ` ${counted(run.rows_not_attempted, 'row was', 'rows were')} not attempted; the next run goes on with them.`
      : '';
  return `Partially written: ${there || 'some changes'} and remembered.${open}`;
}

function inTime(run: RunDetail): string {
  const took = worked(run);
  return took === null ? '' : ` in ${took}`;
}

function after(run: RunDetail): string {
  const took = worked(run);
  return took === null ? '' : ` after ${took}`;
}

/** What is known of a run's times. */
export type Timed = Pick<RunDetail, 'status' | 'started_at' | 'completed_at' | 'duration_seconds'>;

/**
 * How long a run worked that does not go on now. The server tells whole seconds, without the time in which the run
 * was held; where it never was, its start and end tell more.
 */
export function worked({ status, started_at, completed_at, duration_seconds }: Timed): string | null {
  if (!started_at) return null;
  if (!completed_at) return status === 'held' ? inSeconds(duration_seconds) : null;
  const whole = (new Date(completed_at).getTime() - new Date(started_at).getTime()) / 1000;
  const wasHeld = typeof duration_seconds === 'number' && whole - duration_seconds > 1;
  return wasHeld ? inSeconds(duration_seconds) : duration(whole);
}

function inSeconds(whole: number | null | undefined): string | null {
  if (typeof whole !== 'number') return null;
  return whole === 0 ? '<1s' : duration(whole);
}

const DURING: Record<string, string> = {
  extracting: ' while reading the source',
  detecting_changes: ' while finding out what changed',
  writing: ' while writing',
  finalizing: ' while recording what was done',
};

function where(run: RunDetail): string {
  const phase = reached(run);
  return phase ? (DURING[phase] ?? '') : '';
}

/** The phase that a run came to. One that is cancelled still records what it did; that is not counted. */
export function reached(run: RunDetail): Run['phase'] {
  const phases = run.timeline.map(({ phase }) => phase);
  const isWindingUp = run.status === 'cancelled' && phases.length > 1 && phases.at(-1) === 'finalizing';
  return (isWindingUp ? phases.at(-2) : phases.at(-1)) ?? null;
}

/** A message as a sentence: it ends with a full stop. */
export function sentence(message: string): string {
  const text = message.trim();
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** How a followed run stands, in the words of its panel. */
export function panelWord(figures: Figures): string {
  switch (figures.status) {
    case 'scheduled':
      return 'Scheduled';
    case 'queued':
      return 'Queued';
    case 'starting':
      return 'Starting';
    case 'running':
      return figures.phase === null || figures.phase === 'extracting' ? 'Extracting' : 'In progress';
    case 'completed':
      return figures.failed > 0 ? 'Partial success' : 'Succeeded';
    case 'cancelled':
      return 'Cancelled';
    case 'held':
      return 'Held';
    case 'not_run':
      return 'Not run';
    default:
      return 'Failed';
  }
}
