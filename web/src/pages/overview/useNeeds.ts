import { useQueries } from '@tanstack/react-query';
import { api } from '../../api/client';
import { type Need, needsOf } from './needs';

/** Held runs, and syncs with failed rows, that are looked into. */
const LOOKED_INTO = 20;
/** Runs of a trend that say whether errors are new, or go on. */
const TREND_RUNS = 10;

/** What waits for a person; undefined until all of it is known. */
export function useNeeds(): { needs: Need[] | undefined; error: unknown; retry: () => void } {
  const syncs = api.useQuery('get', '/api/v1/syncs', { params: { query: { per_page: 200 } } });
  const held = api.useQuery('get', '/api/v1/runs', {
    params: { query: { status: 'held', per_page: LOOKED_INTO } },
  });
  const server = api.useQuery('get', '/api/v1/server');
  const details = useQueries({
    queries: (held.data?.data ?? []).map(({ id }) =>
      api.queryOptions('get', '/api/v1/runs/{run_id}', { params: { path: { run_id: id } } }),
    ),
  });
  const erring = (syncs.data?.data ?? []).filter(({ last_run }) => last_run && last_run.rows_failed > 0);
  const trends = useQueries({
    queries: erring.slice(0, LOOKED_INTO).map(({ id }) =>
      api.queryOptions('get', '/api/v1/syncs/{sync_id}/trends', {
        params: { path: { sync_id: id }, query: { runs: TREND_RUNS } },
      }),
    ),
  });
  const all = [syncs, held, server, ...details, ...trends];
  const isKnown = all.every((query) => query.data);
  return {
    needs:
      isKnown && syncs.data && held.data
        ? needsOf({
            syncs: syncs.data.data,
            held: held.data.data,
            guards: Object.fromEntries(
              details.map(({ data }) => [data?.id, data?.guards.find(({ tripped }) => tripped)?.message]),
            ),
            trends: trends.flatMap(({ data }) => data ?? []),
            problems: server.data?.project_problems ?? [],
          })
        : undefined,
    error: all.find((query) => query.isError && !query.data)?.error,
    retry: () => {
      for (const query of all) if (query.isError) void query.refetch();
    },
  };
}
