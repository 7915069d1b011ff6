import { keepPreviousData } from '@tanstack/react-query';
import { api } from '../api/client';
import type { Schemas } from '../api/types';
import { count, counted } from './format';
import { Sparkline } from './sparkline';

type Trend = Schemas['TrendsView'];
/** How syncs developed, by their ids. */
export type Trends = Record<string, Trend | undefined>;

/** Runs that a small trend shows. */
const LINE_RUNS = 20;
const WIDTH = 80;

/** The latest runs of these syncs, read at once. */
export function useTrends(syncs: { id: string }[] | undefined, runs = LINE_RUNS): Trends {
  const ids = syncs?.map(({ id }) => id) ?? [];
  const { data } = api.useQuery(
    'get',
    '/api/v1/trends',
    { params: { query: { sync_id: ids.join(','), runs, per_page: 200 } } },
    { enabled: ids.length > 0, placeholderData: keepPreviousData },
  );
  return Object.fromEntries(data?.data.map((trend) => [trend.sync_id, trend]) ?? []);
}

/** Rows per run of a sync as a small line, sudden changes marked; its place is kept until it is known. */
export function SyncTrend({ trend }: { trend: Trend | undefined }) {
  const points = trend?.points.slice(0, LINE_RUNS).toReversed() ?? [];
  const last = count(points.at(-1)?.rows_processed ?? 0);
  return (
    <div style={{ width: WIDTH, height: 24 }}>
      {trend && (
        <Sparkline
          values={points.map((point) => point.rows_processed)}
          marked={points.map((point) => point.flags.length > 0)}
          label={`Rows per run, ${counted(points.length, 'run')}, ${last} in the last`}
          width={WIDTH}
        />
      )}
    </div>
  );
}
