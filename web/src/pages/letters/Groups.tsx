import { Tooltip } from '@mantine/core';
import { api } from '../../api/client';
import type { LetterGroup } from '../../api/types';
import { Empty } from '../../ui/empty';
import { count } from '../../ui/format';
import { ErrorCode } from '../../ui/problem';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import classes from './letters.module.css';
import { lettersRoute } from './route';
import { queryOf } from './scope';
import { stageWord } from './words';

const PER_PAGE = 50;

/** Letters by their error: what to put right first. */
export function Groups() {
  const search = lettersRoute.useSearch();
  const navigate = lettersRoute.useNavigate();
  const groups = api.useQuery('get', '/api/v1/dead-letters/groups', {
    params: { query: { ...queryOf(search), page: search.page, per_page: PER_PAGE } },
  });
  const columns: Column<LetterGroup>[] = [
    {
      id: 'message',
      title: 'Error',
      always: true,
      cell: (group) => (
        <Tooltip label={group.message} multiline maw={480}>
          <span className={`${classes.clip} sentence`}>{group.message}</span>
        </Tooltip>
      ),
    },
    { id: 'count', title: 'Records', figure: true, always: true, cell: (group) => count(group.count) },
    { id: 'code', wide: true, title: 'Code', cell: (group) => <ErrorCode code={group.code} /> },
    {
      id: 'field',
      wide: true,
      title: 'At',
      cell: (group) => (
        <>
          {stageWord(group.stage)}
          {group.field && <span className="mono"> {group.field}</span>}
        </>
      ),
    },
    { id: 'sync', wide: true, title: 'Sync', cell: (group) => group.sync_id },
    {
      id: 'example',
      wide: true,
      title: 'Keys',
      cell: (group) => <span className="mono">{group.example_row_id}</span>,
    },
    { id: 'first', optional: true, title: 'First seen', cell: (group) => <Ago at={group.first_seen_at} /> },
    { id: 'last', title: 'Last seen', cell: (group) => <Ago at={group.last_seen_at} /> },
  ];
  return (
    <>
      <DataTable
        name="letter-groups"
        label="Dead letters by error"
        columns={columns}
        rows={groups.data?.data}
        keyOf={(group) => group.fingerprint + group.sync_id}
        href={(group) => ({
          to: '/dead-letters',
          search: {
            ...search,
            view: 'records',
            fingerprint: group.fingerprint,
            sync: group.sync_id,
            page: undefined,
          },
        })}
        error={groups.error}
        retry={() => void groups.refetch()}
        empty={<NoLetters />}
      />
      <Pager
        pagination={groups.data?.pagination}
        onPage={(page) => void navigate({ search: { ...search, page } })}
      />
    </>
  );
}

/** Nothing waits, or nothing fits the filters. */
export function NoLetters() {
  const { view, page, ...filters } = lettersRoute.useSearch();
  const isNarrowed = Object.values(filters).some((value) => value !== undefined);
  return isNarrowed ? (
    <Empty title="No dead letters like this">Other filters, or other states, may show some.</Empty>
  ) : (
    <Empty title="No dead letters">
      Every record was delivered or waits for its next run. One that cannot be delivered comes here, with its
      payload and its error, and does not stop the others.
    </Empty>
  );
}
