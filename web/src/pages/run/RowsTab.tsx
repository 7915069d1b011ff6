import { api } from '../../api/client';
import type { Change, RunDetail } from '../../api/types';
import { Empty } from '../../ui/empty';
import { isLive } from '../../ui/figures';
import { ChoiceFilter, FilterBar, SearchFilter } from '../../ui/filters';
import { ProblemNote } from '../../ui/problem';
import { OPERATION_OPTIONS, RESULT_OPTIONS } from '../../ui/result';
import { Pager } from '../../ui/table';
import { ChangeTable } from './changes';
import { runRoute } from './route';

/** Every change of the run, and what became of it. */
export function RowsTab({ run }: { run: RunDetail }) {
  const { key, operation, status, page = 1 } = runRoute.useSearch();
  const navigate = runRoute.useNavigate();
  const isFiltered = Boolean(key ?? operation ?? status);
  const query = { page, per_page: 50, key, operation, status };
  const rows = api.useQuery(
    'get',
    '/api/v1/runs/{run_id}/rows',
    { params: { path: { run_id: run.id }, query } },
    { placeholderData: (before) => before },
  );
  const choose = (chosen: { key?: string; operation?: string; status?: string }) =>
    void navigate({
      search: (old) => ({ ...old, tab: 'rows', ...chosen, page: undefined }),
      replace: true,
      resetScroll: false,
    });
  return (
    <>
      <FilterBar>
        <ChoiceFilter
          label="Operation"
          value={operation}
          options={OPERATION_OPTIONS}
          onChange={(value) => choose({ operation: value })}
        />
        <ChoiceFilter
          label="Result"
          value={status}
          options={RESULT_OPTIONS}
          onChange={(value) => choose({ status: value })}
        />
        <SearchFilter label="Row ID, whole" value={key} onChange={(value) => choose({ key: value })} />
      </FilterBar>
      {rows.error ? (
        <div style={{ padding: 16 }}>
          <ProblemNote error={rows.error} retry={() => void rows.refetch()} />
        </div>
      ) : (
        <ChangeTable
          label="Changes of this run"
          syncId={run.sync_id}
          changes={rows.data?.data as Change[] | undefined}
          withResult
          empty={<NoRows run={run} isFiltered={isFiltered} />}
        />
      )}
      <Pager
        pagination={rows.data?.pagination}
        onPage={(next) => void navigate({ search: (old) => ({ ...old, tab: 'rows', page: next }) })}
      />
    </>
  );
}

function NoRows({ run, isFiltered }: { run: RunDetail; isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No change matches">Row IDs have to be whole; of a composite key, a JSON array.</Empty>
    );
  }
  if (isLive(run.status)) {
    return <Empty title="No changes yet">They appear once the run has found out what differs.</Empty>;
  }
  return (
    <Empty title="No changes">
      {run.rows_skipped > 0
        ? 'Every record was skipped: the target has them as they are. Rows that failed before a change was made of them are under Errors.'
        : 'This run planned no change. Rows that failed before a change was made of them are under Errors.'}
    </Empty>
  );
}
