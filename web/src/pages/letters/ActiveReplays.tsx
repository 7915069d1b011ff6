import { Stack } from '@mantine/core';
import { api } from '../../api/client';
import { ReplayRun } from './ReplayRuns';

/** Replays that wait, go on or are held, whoever started them. */
export function ActiveReplays() {
  const runs = api.useQuery('get', '/api/v1/runs', {
    params: { query: { type: 'replay', status: 'queued,starting,running,held', per_page: 20 } },
  }).data?.data;
  if (!runs || runs.length === 0) return null;
  return (
    <Stack gap="xs">
      {runs.map((run) => (
        <ReplayRun key={run.id} runId={run.id} />
      ))}
    </Stack>
  );
}
