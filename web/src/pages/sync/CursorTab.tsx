import { Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { ShortId } from '../../ui/copy';
import { Empty } from '../../ui/empty';
import { Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { MoveButtons } from './CursorMove';
import { syncRoute } from './route';

type Moved = Schemas['CursorChangeView'];

const REASONS: Record<string, string> = {
  run: 'A run read up to here',
  reset: 'A run was told to begin anew',
  manual: 'Set by hand',
};

const COLUMNS: Column<Moved>[] = [
  { id: 'at', title: 'When', cell: (change) => <Ago at={change.at} /> },
  { id: 'from', title: 'From', cell: (change) => <Value of={change.from} /> },
  { id: 'to', title: 'To', cell: (change) => <Value of={change.to} /> },
  { id: 'reason', title: 'Why', cell: (change) => REASONS[change.reason] ?? change.reason },
  {
    id: 'run',
    title: 'Run',
    cell: (change) =>
      change.run_id ? (
        <Link to="/runs/$runId" params={{ runId: change.run_id }} className="link">
          <ShortId id={change.run_id} />
        </Link>
      ) : (
        '–'
      ),
  },
];

function Value({ of }: { of: string | null | undefined }) {
  return of ? (
    <span className="mono">{of}</span>
  ) : (
    <Text span c="dimmed" size="sm">
      none
    </Text>
  );
}

/** How far a sync has read, how it got there, and moving it by hand. */
export function CursorTab({ sync }: { sync: Sync }) {
  const { page } = syncRoute.useSearch();
  const navigate = syncRoute.useNavigate();
  const path = { sync_id: sync.id };
  const cursor = api.useQuery('get', '/api/v1/syncs/{sync_id}/cursor', { params: { path } });
  const history = api.useQuery(
    'get',
    '/api/v1/syncs/{sync_id}/cursor/history',
    { params: { path, query: { page: page ?? 1, per_page: 50 } } },
    { placeholderData: (before) => before },
  );
  if (cursor.error && !cursor.data)
    return <ProblemNote error={cursor.error} retry={() => void cursor.refetch()} />;
  if (cursor.data && !cursor.data.column) {
    return (
      <div className="panel">
        <Empty title="This sync has no cursor">
          Every run reads the whole model and sends what changed. With{' '}
          <span className="mono">model.cursor</span>, a column that grows with every change, runs read only
          what is new.
        </Empty>
      </div>
    );
  }
  return (
    <Stack gap="md">
      <Panel
        title="Cursor"
        about="A bookmark: how far the last run has read. The next one begins a little before it, so that rows that were committed late are found."
        actions={cursor.data && <MoveButtons sync={sync} cursor={cursor.data} />}
      >
        <Group gap={32} mih={44}>
          <div>
            <Text size="xs" c="dimmed">
              Column
            </Text>
            <span className="mono">{cursor.data?.column ?? ''}</span>
          </div>
          <div>
            <Text size="xs" c="dimmed">
              Value
            </Text>
            <span className="mono">{cursor.data ? (cursor.data.value ?? 'none yet') : ''}</span>
          </div>
        </Group>
      </Panel>
      <Panel title="How it moved" pad={false}>
        <DataTable
          name="cursor"
          label="Moves of the cursor"
          columns={COLUMNS}
          rows={history.data?.data}
          keyOf={(change) => change.at}
          error={history.error}
          retry={() => void history.refetch()}
          empty={<Empty title="It never moved">The first run that reads to its end sets the cursor.</Empty>}
        />
        <Pager
          pagination={history.data?.pagination}
          onPage={(next) => void navigate({ search: { tab: 'cursor', page: next }, resetScroll: false })}
        />
      </Panel>
    </Stack>
  );
}
