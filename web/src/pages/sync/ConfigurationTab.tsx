import { Group, SegmentedControl, Skeleton, Stack } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { ProblemNote } from '../../ui/problem';
import { Ends } from './Ends';
import { MappingTable } from './MappingTable';
import { Preview } from './Preview';
import { Rules } from './Rules';
import { syncRoute } from './route';

const YamlView = lazy(() => import('./YamlView'));

/** What a sync is: read from where, mapped how, written by which rules. */
export function ConfigurationTab({ sync }: { sync: Sync }) {
  const { view } = syncRoute.useSearch();
  const navigate = syncRoute.useNavigate();
  const { data, error, refetch } = api.useQuery('get', '/api/v1/syncs/{sync_id}/definition', {
    params: { path: { sync_id: sync.id } },
  });
  if (!data) return error ? <ProblemNote error={error} retry={() => void refetch()} /> : <Skeleton h={400} />;
  return (
    <Stack gap="md">
      <Group justify="flex-end">
        <SegmentedControl
          aria-label="How it is shown"
          value={view ?? 'readable'}
          onChange={(value) =>
            void navigate({
              search: { tab: 'configuration', view: value === 'yaml' ? 'yaml' : undefined },
              resetScroll: false,
            })
          }
          data={[
            { value: 'readable', label: 'Readable' },
            { value: 'yaml', label: 'YAML' },
          ]}
        />
      </Group>
      {view === 'yaml' ? (
        <Suspense fallback={<Skeleton h={400} />}>
          <YamlView sync={sync} definition={data.definition} />
        </Suspense>
      ) : (
        <>
          <Ends sync={sync} definition={data.definition} />
          <MappingTable definition={data.definition} />
          <Preview sync={sync} />
          {data.resolved && <Rules sync={sync} definition={data.resolved} />}
        </>
      )}
    </Stack>
  );
}
