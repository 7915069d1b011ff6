import type { Schemas } from '../../api/types';

type Point = Schemas['TrendPoint'];
type Trends = Schemas['TrendsView'];

/** How the runs of one sync went in a window. */
export interface Sums {
  runs: number;
  /** Completed of all that ended by themselves; null without any. */
  successRate: number | null;
  averageSeconds: number | null;
  rowsRead: number;
  rowsFailed: number;
  /** Failed of read; null when nothing was read. */
  errorRate: number | null;
  /** There were more runs than were looked at. */
  isCut: boolean;
}

/** Sums up the runs that ended since a moment; `asked` is how many were asked for. */
export function sumsOf(points: Point[], since: string, asked: number): Sums {
  const from = new Date(since).getTime();
  const inside = points.filter(({ at }) => new Date(at).getTime() >= from);
  const sum = (of: (point: Point) => number) => inside.reduce((total, point) => total + of(point), 0);
  const runs = inside.length;
  const rowsRead = sum((point) => point.rows_processed);
  const rowsFailed = sum((point) => point.rows_failed);
  return {
    runs,
    successRate: runs > 0 ? sum(({ status }) => (status === 'completed' ? 1 : 0)) / runs : null,
    averageSeconds: runs > 0 ? sum((point) => point.duration_seconds) / runs : null,
    rowsRead,
    rowsFailed,
    errorRate: rowsRead > 0 ? rowsFailed / rowsRead : null,
    isCut: runs >= asked,
  };
}

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
