import { Group, SegmentedControl, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Empty } from '../../ui/empty';
import { count, duration, percent } from '../../ui/format';
import { Panel } from '../../ui/page';
import { Sparkline } from '../../ui/sparkline';
import { RunStatus, SyncState } from '../../ui/status';
import { NewSyncButton } from '../../ui/sync-actions';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Changes } from './Changes';
import { insightsRoute } from './route';
import { changesOf, type Sums, sumsOf } from './sums';
import { flagWord } from './words';

/** Syncs on a page of the table. */
const PER_PAGE = 20;
/** The latest runs of a sync that are summed up. */
const RUNS_MAX = 100;
/** Runs of the small line. */
const LINE_RUNS = 20;

interface Row {
  sync: Sync;
  trend: Schemas['TrendsView'] | undefined;
  sums: Sums | undefined;
}

/** A line for each sync with its figures in the window, and what changed suddenly. */
export function SyncsInFigures({
  health,
  window,
}: {
  health: Schemas['HealthView'] | undefined;
  window: string;
}) {
  const { only, page = 1 } = insightsRoute.useSearch();
  const navigate = insightsRoute.useNavigate();
  const syncs = api.useQuery('get', '/api/v1/syncs', { params: { query: { per_page: 200 } } });
  const erring = health?.syncs_with_errors ?? [];
  const found = syncs.data?.data
    .filter(({ id }) => only !== 'errors' || erring.includes(id))
    .toSorted(
      (a, b) => Number(erring.includes(b.id)) - Number(erring.includes(a.id)) || a.id.localeCompare(b.id),
    );
  const shown = found?.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  const trends = useQueries({
    queries: (shown ?? []).map(({ id }) => ({
      ...api.queryOptions('get', '/api/v1/syncs/{sync_id}/trends', {
        params: { path: { sync_id: id }, query: { runs: RUNS_MAX } },
      }),
      placeholderData: keepPreviousData,
    })),
  });
  const rows = shown?.map((sync, n): Row => {
    const trend = trends[n]?.data;
    return { sync, trend, sums: trend && health && sumsOf(trend.points, health.since, RUNS_MAX) };
  });
  const known = trends.flatMap(({ data }) => data ?? []);

  return (
    <>
      <Panel
        title="Syncs"
        about="Those with errors in their latest run come first."
        pad={false}
        actions={
          <SegmentedControl
            aria-label="Which syncs"
            value={only ?? 'all'}
            data={[
              { value: 'all', label: 'All' },
              { value: 'errors', label: 'With errors' },
            ]}
            onChange={(value) =>
              void navigate({
                search: (now) => ({
                  ...now,
                  page: undefined,
                  only: value === 'errors' ? 'errors' : undefined,
                }),
                replace: true,
              })
            }
          />
        }
      >
        <DataTable
          name="health"
          label="Syncs in figures"
          columns={COLUMNS}
          rows={rows}
          keyOf={({ sync }) => sync.id}
          href={({ sync }) => ({
            to: '/syncs/$syncId',
            params: { syncId: sync.id },
            search: { tab: 'trends' },
          })}
          error={syncs.error}
          retry={() => void syncs.refetch()}
          empty={
            only === 'errors' ? (
              <Empty title="No sync has errors">
                In their latest run, all rows of all syncs were delivered.
              </Empty>
            ) : (
              <Empty title="No syncs yet" action={<NewSyncButton />}>
                How each sync does stands here once it runs.
              </Empty>
            )
          }
        />
        <Pager
          pagination={found && { page, per_page: PER_PAGE, total: found.length }}
          onPage={(next) => void navigate({ search: (now) => ({ ...now, page: next }) })}
        />
      </Panel>
      <Changes changes={health && rows && changesOf(known, health.since)} window={window} />
    </>
  );
}

/** A figure of a sync's sums; a dash as long as there is none. */
function sum(of: (sums: Sums) => string | null): (row: Row) => string {
  return ({ sums }) => (sums && of(sums)) ?? '–';
}

const COLUMNS: Column<Row>[] = [
  {
    id: 'sync',
    title: 'Sync',
    always: true,
    cell: ({ sync }) => (
      <Text span inherit fw={500}>
        {sync.id}
      </Text>
    ),
  },
  { id: 'state', title: 'State', optional: true, cell: ({ sync }) => <SyncState state={sync.state} /> },
  {
    id: 'runs',
    title: 'Runs',
    figure: true,
    cell: sum(({ runs, isCut }) => count(runs) + (isCut ? '+' : '')),
  },
  {
    id: 'success',
    title: 'Success',
    figure: true,
    cell: sum(({ successRate }) => (successRate === null ? null : percent(successRate))),
  },
  {
    id: 'duration',
    title: 'Avg duration',
    figure: true,
    wide: true,
    cell: sum(({ averageSeconds }) => (averageSeconds === null ? null : duration(averageSeconds))),
  },
  { id: 'read', title: 'Rows read', figure: true, wide: true, cell: sum(({ rowsRead }) => count(rowsRead)) },
  { id: 'failed', title: 'Failed', figure: true, cell: sum(({ rowsFailed }) => count(rowsFailed)) },
  {
    id: 'rate',
    title: 'Error rate',
    figure: true,
    wide: true,
    cell: sum(({ errorRate }) => (errorRate === null ? null : percent(errorRate))),
  },
  { id: 'line', title: 'Rows per run', wide: true, cell: (row) => <Line row={row} /> },
  { id: 'flags', title: 'Latest run', cell: (row) => <Flags row={row} /> },
];

function Line({ row: { trend } }: { row: Row }) {
  const points = trend?.points.slice(0, LINE_RUNS).toReversed() ?? [];
  return (
    <div style={{ width: 80, height: 24 }}>
      {trend && (
        <Sparkline
          values={points.map((point) => point.rows_processed)}
          marked={points.map((point) => point.flags.length > 0)}
          label={`Rows of the last ${points.length} runs`}
          width={80}
        />
      )}
    </div>
  );
}

/** What is unusual about the latest run, with its likely causes on hover. */
function Flags({ row: { trend } }: { row: Row }) {
  const latest = trend?.points[0];
  if (!trend || !latest) return <span>–</span>;
  const signs = latest.flags.map(({ kind, message, likely_causes }) => ({
    word: flagWord(kind),
    about: `${message}. Likely: ${likely_causes.join('; ')}.`,
  }));
  const hasFailed = latest.status !== 'completed';
  if (trend.review_first_errors)
    signs.push({
      word: 'First errors',
      about: 'The first run with failed rows: look at them before the next.',
    });
  if (trend.systematic_errors)
    signs.push({
      word: 'Errors go on',
      about: 'More than 1 % of the rows failed in three runs in a row.',
    });
  if (signs.length === 0 && !hasFailed)
    return (
      <Text span inherit c="dimmed">
        as usual
      </Text>
    );
  return (
    <Group gap={12} wrap="nowrap">
      {hasFailed && (
        <Link to="/runs/$runId" params={{ runId: latest.run_id }} className="quiet">
          <RunStatus run={{ status: latest.status, phase: null, rows_failed: latest.rows_failed }} />
        </Link>
      )}
      {signs.map(({ word, about }) => (
        <Tooltip key={word} label={about} multiline maw={360}>
          <Link to="/runs/$runId" params={{ runId: latest.run_id }} className="quiet">
            <Group gap={4} wrap="nowrap" component="span">
              <IconAlertTriangle size={14} color="var(--state-partial)" aria-hidden />
              {word}
            </Group>
          </Link>
        </Tooltip>
      ))}
    </Group>
  );
}
