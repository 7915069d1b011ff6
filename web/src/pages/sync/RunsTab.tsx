import { Button } from '@mantine/core';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { Empty } from '../../ui/empty';
import { ButtonLink } from '../../ui/link';
import { RunFilters, runQuery } from '../../ui/run-filters';
import { isFiltered, type RunSearch } from '../../ui/run-search';
import { RunTable } from '../../ui/run-table';
import { Pager } from '../../ui/table';
import { syncRoute } from './route';

/** The history of one sync's runs. */
export function RunsTab({ sync }: { sync: Sync }) {
  const search = syncRoute.useSearch();
  const navigate = syncRoute.useNavigate();
  const go = (next: RunSearch) =>
    void navigate({ search: { ...next, follow: search.follow }, resetScroll: false });
  const { follow: _, ...asked } = search;
  const runs = api.useQuery(
    'get',
    '/api/v1/syncs/{sync_id}/runs',
    { params: { path: { sync_id: sync.id }, query: runQuery(search) } },
    { placeholderData: (before) => before },
  );
  return (
    <div className="panel">
      <RunFilters search={search} onChange={go} />
      <RunTable
        runs={runs.data?.data}
        error={runs.error}
        retry={() => void runs.refetch()}
        empty={
          isFiltered(search) ? (
            <Empty
              title="No run is like that"
              action={
                <Button variant="default" onClick={() => go({})}>
                  Clear filters
                </Button>
              }
            />
          ) : (
            <Empty
              title="Never run"
              action={
                <ButtonLink
                  to="/trigger"
                  search={{ instance: sync.instance, entity: sync.entity, type: 'test' }}
                >
                  Test it
                </ButtonLink>
              }
            >
              Each run is listed here with its figures. A test shows what a run would write, and writes
              nothing.
            </Empty>
          )
        }
      />
      <Pager pagination={runs.data?.pagination} onPage={(page) => go({ ...asked, page })} />
    </div>
  );
}
