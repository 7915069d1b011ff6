import { api } from '../api/client';
import { count, counted } from './format';
import { Sparkline } from './sparkline';

/** Runs that a small trend shows. */
export const TREND_RUNS = 20;

/** Rows per run of a sync as a small line, sudden changes marked. */
export function SyncTrend({ syncId, width = 96 }: { syncId: string; width?: number }) {
  const trend = api.useQuery('get', '/api/v1/syncs/{sync_id}/trends', {
    params: { path: { sync_id: syncId }, query: { runs: TREND_RUNS } },
  });
  const points = trend.data?.points.toReversed() ?? [];
  const last = points.at(-1);
  return (
    <div style={{ width, height: 24 }}>
      {trend.data && (
        <Sparkline
          values={points.map((point) => point.rows_processed)}
          marked={points.map((point) => point.flags.length > 0)}
          label={`Rows per run, ${counted(points.length, 'run')}, ${count(last?.rows_processed ?? 0)} in the last`}
          width={width}
        />
      )}
    </div>
  );
}
