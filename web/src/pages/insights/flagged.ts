import type { Schemas } from '../../api/types';

type Trends = Schemas['TrendsView'];

/** A sudden change in one run. */
export interface Change {
  syncId: string;
  runId: string;
  at: string;
  flag: Schemas['TrendFlag'];
}

/** The sudden changes of all syncs since a moment, newest first. */
export function changesOf(trends: Trends[], since: string): Change[] {
  const from = new Date(since).getTime();
  return trends
    .flatMap(({ sync_id, points }) =>
      points.flatMap(({ run_id, at, flags }) =>
        flags.map((flag) => ({ syncId: sync_id, runId: run_id, at, flag })),
      ),
    )
    .filter(({ at }) => new Date(at).getTime() >= from)
    .toSorted((a, b) => b.at.localeCompare(a.at));
}
