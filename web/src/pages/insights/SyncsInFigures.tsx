import { Group, SegmentedControl, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { keepPreviousData } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useAll } from '../../api/all';
import { api } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Empty } from '../../ui/empty';
import { count, duration, percent } from '../../ui/format';
import { firstOf } from '../../ui/narrow';
import { Panel } from '../../ui/page';
import { flagWord, RunStatus, SyncState } from '../../ui/status';
import { NewSyncButton } from '../../ui/sync-actions';
import { type Column, DataTable, Pager } from '../../ui/table';
import { SyncTrend, useTrends } from '../../ui/trend';
import { Changes } from './Changes';
import { changesOf } from './flagged';
import { insightsRoute } from './route';

/** Syncs on a page of the table. */
const PER_PAGE = 20;
/** The latest runs of a sync in which sudden changes are looked for. */
const RUNS_LOOKED_AT = 50;

type Window = Schemas['HealthWindow'];
type Figures = Schemas['SyncHealthView'];

interface Row {
  sync: Sync;
  trend: Schemas['TrendsView'] | undefined;
  /** None: it did not run in this time. */
  figures: Figures | undefined;
}

/** A line for each sync with its figures in the window, and what changed suddenly. */
export function SyncsInFigures({
  health,
  window,
}: {
  health: Schemas['HealthView'] | undefined;
  window: Window;
}) {
  const { only, page = 1 } = insightsRoute.useSearch();
  const navigate = insightsRoute.useNavigate();
  const syncs = useAll('/api/v1/syncs');
  const figures = api.useQuery(
    'get',
    '/api/v1/health/syncs',
    { params: { query: { window } } },
    { placeholderData: keepPreviousData },
  );
  const erring = health?.syncs_with_errors ?? [];
  const found = syncs.data
    ?.filter(({ id }) => only !== 'errors' || erring.includes(id))
    .toSorted(
      (a, b) => Number(erring.includes(b.id)) - Number(erring.includes(a.id)) || a.id.localeCompare(b.id),
    );
  const shown = found?.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  const trends = useTrends(shown, RUNS_LOOKED_AT);
  const of = firstOf(syncs.cut, 'sync');
  const isKnown = health && figures.data;
  const rows = (isKnown ? shown : undefined)?.map(
    (sync): Row => ({
      sync,
      trend: trends[sync.id],
      figures: figures.data?.find(({ sync_id }) => sync_id === sync.id),
    }),
  );
  const known = rows?.flatMap(({ trend }) => trend ?? []);

  return (
    <>
      <Panel
        title="Syncs"
        about={`Those with errors in their latest run come first.${of ? ` Only ${of} are here.` : ''}`}
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
          error={syncs.error ?? figures.error}
          retry={() => {
            void syncs.refetch();
            void figures.refetch();
          }}
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
      <Changes changes={health && known && changesOf(known, health.since)} />
    </>
  );
}

/** A figure of a sync; a dash where there is none. */
function figure(of: (figures: Figures) => string | null): (row: Row) => string {
  return ({ figures }) => (figures && of(figures)) ?? '–';
}

/** The share of failed rows in the latest run. */
function errorRate({ trend }: Row): string {
  const latest = trend?.points[0];
  return latest ? percent(latest.error_rate) : '–';
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
  { id: 'runs', title: 'Runs', figure: true, cell: figure(({ total_runs }) => count(total_runs)) },
  {
    id: 'success',
    title: 'Success',
    figure: true,
    cell: figure(({ success_rate: share }) => (share === null ? null : percent(share))),
  },
  {
    id: 'duration',
    title: 'Duration',
    figure: true,
    wide: true,
    cell: figure(({ average_duration_seconds: s }) => (s === null ? null : duration(s))),
  },
  {
    id: 'synced',
    title: 'Rows synced',
    figure: true,
    wide: true,
    cell: figure(({ rows_synced }) => count(rows_synced)),
  },
  { id: 'failed', title: 'Rows failed', figure: true, cell: figure(({ rows_failed }) => count(rows_failed)) },
  {
    id: 'cancelled',
    title: 'Cancelled',
    figure: true,
    optional: true,
    cell: figure(({ cancelled }) => count(cancelled)),
  },
  { id: 'rate', title: 'Last error rate', figure: true, wide: true, cell: errorRate },
  { id: 'line', title: 'Rows per run', wide: true, cell: ({ trend }) => <SyncTrend trend={trend} /> },
  { id: 'flags', title: 'Latest run', cell: (row) => <Flags row={row} /> },
];

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
