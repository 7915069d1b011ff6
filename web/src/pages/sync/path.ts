import type { Change, Run } from '../../api/types';

/** The way of a new sync to running by itself. */
export type StepName = 'look' | 'write' | 'prove' | 'activate';

export interface Path {
  /** The step to take now. */
  here: StepName;
  /** The run that shows that a step was taken. */
  look?: Run;
  write?: Run;
  /** The test after writing: taken when it shows no change. */
  prove?: Run;
  /** The run that goes on or waits for a decision, whichever step it is of. */
  open?: Run;
  /** The earliest run that had rows which failed. */
  firstErrors?: Run;
}

const OPEN = ['queued', 'starting', 'running', 'held'];

/** Records that a run changed, or that a test would have changed. */
export function changes(run: Run): number {
  return run.rows_created + run.rows_updated + run.rows_deleted;
}

/** Where a sync is on its way, from the runs of its present definition, newest first. */
export function pathOf(runs: Run[]): Path {
  // A run of some records only tells nothing about the others.
  const done = runs.filter((run) => run.status === 'completed' && run.type !== 'replay' && !run.limited);
  const write = done.find((run) => run.type === 'one_time' || run.type === 'sync');
  const isLook = (run: Run) => run.type === 'test' || run.type === 'seed';
  const look = done.find((run) => isLook(run) && (!write || run.created_at < write.created_at));
  const prove = write && done.find((run) => run.type === 'test' && run.created_at > write.created_at);
  const firstErrors = done.filter((run) => run.rows_failed > 0).at(-1);
  const open = runs.find((run) => OPEN.includes(run.status) && run.type !== 'replay');
  const known = { look: look ?? write, write, prove, open, firstErrors };
  if (!known.look) return { ...known, here: 'look' };
  if (!write) return { ...known, here: 'write' };
  if (!prove || changes(prove) > 0) return { ...known, here: 'prove' };
  return { ...known, here: 'activate' };
}

/** A field that a second look wants to change again. */
interface Restless {
  field: string;
  /** In how many of the changes. */
  times: number;
  before: unknown;
  after: unknown;
}

/** The fields that keep changing, most often changed first, each with an example. */
export function restlessFields(plan: Pick<Change, 'operation' | 'fields'>[]): Restless[] {
  const found = new Map<string, Restless>();
  for (const { operation, fields } of plan) {
    if (operation !== 'update') continue;
    for (const { field, before, after } of fields) {
      if (JSON.stringify(before) === JSON.stringify(after)) continue;
      const known = found.get(field);
      if (known) known.times += 1;
      else found.set(field, { field, times: 1, before, after });
    }
  }
  return [...found.values()].sort((a, b) => b.times - a.times || a.field.localeCompare(b.field));
}
