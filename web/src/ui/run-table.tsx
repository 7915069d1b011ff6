import { ActionIcon, Group, Text, Tooltip } from '@mantine/core';
import { IconRotateClockwise } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useProgress } from '../api/live';
import type { Run } from '../api/types';
import { Allowed } from './allowed';
import { ShortId } from './copy';
import { figuresOf } from './figures';
import { count } from './format';
import { useRunActions } from './run-actions';
import { RunStatus, triggerWord, typeWord } from './status';
import { type Column, DataTable } from './table';
import { Ago, Took } from './time';

/** Runs, each a link to its page. Running ones count up by themselves. */
export function RunTable(props: {
  runs: Run[] | undefined;
  /** Shows whose run each is. */
  withSync?: boolean;
  error?: unknown;
  retry?: () => void;
  empty: ReactNode;
  skeletonRows?: number;
}) {
  const { runs, withSync, ...rest } = props;
  return (
    <DataTable
      {...rest}
      name={withSync ? 'runs' : 'sync-runs'}
      label="Runs"
      columns={withSync ? [RUN, SYNC, ...COLUMNS] : [RUN, ...COLUMNS]}
      rows={runs}
      keyOf={(run) => run.id}
      href={(run) => ({ to: '/runs/$runId', params: { runId: run.id } })}
    />
  );
}

const RUN: Column<Run> = {
  id: 'id',
  title: 'Run',
  always: true,
  cell: (run) => <ShortId id={run.id} />,
};

const SYNC: Column<Run> = {
  id: 'sync',
  title: 'Sync',
  cell: (run) => (
    <Link to="/syncs/$syncId" params={{ syncId: run.sync_id }} className="link">
      {run.sync_id}
    </Link>
  ),
};

const COLUMNS: Column<Run>[] = [
  { id: 'status', title: 'Status', cell: (run) => <Status run={run} /> },
  { id: 'started', title: 'Started', cell: (run) => <Started run={run} /> },
  {
    id: 'duration',
    title: 'Duration',
    figure: true,
    cell: (run) => <Took run={run} />,
  },
  figures('processed', 'Processed', 'rows_processed', 'total'),
  figures('created', 'Created', 'rows_created', 'created'),
  figures('updated', 'Updated', 'rows_updated', 'updated'),
  figures('deleted', 'Deleted', 'rows_deleted', 'deleted'),
  figures('failed', 'Failed', 'rows_failed', 'failed'),
  { ...figures('skipped', 'Skipped', 'rows_skipped', 'skipped'), optional: true },
  { ...figures('delete_failed', 'Failed deletes', 'rows_delete_failed'), optional: true },
  { id: 'trigger', title: 'Trigger', wide: true, cell: (run) => triggerWord(run.trigger) },
  { id: 'type', title: 'Type', cell: (run) => typeWord(run.type) },
  {
    id: 'correlation',
    title: 'Correlation id',
    optional: true,
    wide: true,
    cell: (run) => <ShortId id={run.correlation_id} />,
  },
  {
    id: 'completed',
    title: 'Ended',
    optional: true,
    wide: true,
    cell: (run) => <Ago at={run.completed_at} />,
  },
];

type Counter = 'rows_processed' | 'rows_created' | 'rows_updated' | 'rows_deleted' | 'rows_failed';
type OtherCounter = 'rows_skipped' | 'rows_delete_failed';
type LiveCounter = 'total' | 'created' | 'updated' | 'deleted' | 'failed' | 'skipped';

function figures(
  id: string,
  title: string,
  counter: Counter | OtherCounter,
  live?: LiveCounter,
): Column<Run> {
  return {
    id,
    title,
    figure: true,
    wide: counter !== 'rows_processed' && counter !== 'rows_failed',
    cell: (run) => <Figure run={run} counter={counter} live={live} />,
  };
}

/** A figure of a run: planned ones and noughts are grey. What a run that goes on has done is known live only. */
function Figure(props: { run: Run; counter: Counter | OtherCounter; live?: LiveCounter }) {
  const { run, counter, live } = props;
  const now = useProgress(run.id);
  const isKnown = run.completed_at !== null || run.status === 'held';
  const value = isKnown ? run[counter] : live && now && figuresOf(run, now)[live];
  const isQuiet = !value || run.dry_run || run.status === 'held';
  return (
    <Text span inherit c={isQuiet ? 'dimmed' : undefined}>
      {typeof value === 'number' ? count(value) : '–'}
    </Text>
  );
}

const END_REASONS: Record<NonNullable<Run['end_reason']>, string> = {
  overlap: 'Another run of the sync was going on when it was due.',
  held: 'A held run of the sync was waiting for a decision when it was due.',
  superseded: 'Another run took its place.',
  rejected: 'Somebody rejected its plan.',
  expired: 'Nobody decided on its plan in time.',
  deactivated: 'Its sync was deactivated.',
  cancelled: 'Somebody cancelled it.',
};

/** The status, why where there is more to say than the word, and the way to try again. */
function Status({ run }: { run: Run }) {
  const why = run.error?.message ?? (run.end_reason ? END_REASONS[run.end_reason] : undefined);
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={why} disabled={!why} multiline maw={420}>
        <span>
          <RunStatus run={run} />
        </span>
      </Tooltip>
      <Retry run={run} />
    </Group>
  );
}

/** When it started, or when it is due. */
function Started({ run }: { run: Run }) {
  if (run.started_at) return <Ago at={run.started_at} />;
  if (run.status === 'scheduled' && run.run_at)
    return (
      <Text span inherit c="dimmed">
        due <Ago at={run.run_at} />
      </Text>
    );
  return <span>–</span>;
}

/** Runs that a person may start again: not replays, which are of dead letters. */
function isRetryable(run: Run): boolean {
  return (
    ['failed', 'source_failure', 'cancelled'].includes(run.status) &&
    run.type !== 'replay' &&
    !!run.started_at
  );
}

function Retry({ run }: { run: Run }) {
  const navigate = useNavigate();
  const actions = useRunActions();
  if (!isRetryable(run)) return null;
  return (
    <Allowed role="operator">
      {(disabled) => (
        <Tooltip label="Retry: a new run over the source as it is now">
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={`Retry run ${run.id}`}
            loading={actions.isBusy}
            disabled={disabled}
            onClick={() =>
              actions.retry(run, (runId) => void navigate({ to: '/runs/$runId', params: { runId } }))
            }
          >
            <IconRotateClockwise size={16} />
          </ActionIcon>
        </Tooltip>
      )}
    </Allowed>
  );
}
