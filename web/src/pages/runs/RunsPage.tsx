import { Button } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useAll } from '../../api/all';
import { api } from '../../api/client';
import { Empty } from '../../ui/empty';
import { ButtonLink } from '../../ui/link';
import { firstOf } from '../../ui/narrow';
import { Page } from '../../ui/page';
import { RunFilters, runQuery } from '../../ui/run-filters';
import { isFiltered, type RunSearch } from '../../ui/run-search';
import { RunTable } from '../../ui/run-table';
import { Pager } from '../../ui/table';
import { runsRoute } from './route';

/** Every run of every sync, newest first. */
export function RunsPage() {
  const search = runsRoute.useSearch();
  const navigate = runsRoute.useNavigate();
  const go = (next: RunSearch) => void navigate({ search: next });
  const runs = api.useQuery(
    'get',
    '/api/v1/runs',
    { params: { query: { ...runQuery(search), sync_id: search.sync } } },
    { placeholderData: (before) => before },
  );
  const syncs = useAll('/api/v1/syncs', {}, { defined: true });
  return (
    <Page
      title="Run history"
      about="Every run of every sync, newest first."
      actions={
        <ButtonLink to="/trigger" leftSection={<IconPlayerPlay size={16} />}>
          Trigger a run
        </ButtonLink>
      }
    >
      <div className="panel">
        <RunFilters
          search={search}
          onChange={go}
          syncs={syncs.data?.map((sync) => sync.id) ?? []}
          syncsOf={firstOf(syncs.cut, 'sync')}
        />
        <RunTable
          withSync
          runs={runs.data?.data}
          error={runs.error}
          retry={() => void runs.refetch()}
          skeletonRows={20}
          empty={
            isFiltered(search) ? (
              <Empty
                title="No run is like that"
                action={
                  <Button variant="default" onClick={() => go({})}>
                    Clear filters
                  </Button>
                }
              >
                Runs are kept for as long as the project's retention says.
              </Empty>
            ) : (
              <Empty
                title="Nothing has run yet"
                action={<ButtonLink to="/trigger">Trigger a run</ButtonLink>}
              >
                Each run of a sync is kept here with its figures. Start with a test, which writes nothing.
              </Empty>
            )
          }
        />
        <Pager pagination={runs.data?.pagination} onPage={(page) => go({ ...search, page })} />
      </div>
    </Page>
  );
}
