import { useAll } from '../../api/all';
import { api } from '../../api/client';
import { firstOf } from '../../ui/narrow';
import { type Need, needsOf } from './needs';

/** Runs that say whether errors go on. */
const TREND_RUNS = 3;

/** What waits for a person; undefined until all of it is known. */
export function useNeeds(): {
  needs: Need[] | undefined;
  /** Where errors that stay were looked for, if not in all syncs. */
  of: string | undefined;
  error: unknown;
  retry: () => void;
} {
  const attention = api.useQuery('get', '/api/v1/attention');
  const trends = useAll('/api/v1/trends', { runs: TREND_RUNS });
  const server = api.useQuery('get', '/api/v1/server');
  const all = [attention, trends, server];
  return {
    needs:
      attention.data && trends.data && server.data
        ? needsOf({
            attention: attention.data,
            trends: trends.data,
            problems: server.data.project_problems,
          })
        : undefined,
    of: firstOf(trends.cut, 'sync'),
    error: all.find((query) => query.isError && !query.data)?.error,
    retry: () => {
      for (const query of all) if (query.isError) void query.refetch();
    },
  };
}
