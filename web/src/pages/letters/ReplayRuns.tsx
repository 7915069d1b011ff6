import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import { useProgress } from '../../api/live';
import type { RunDetail } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { ShortId } from '../../ui/copy';
import { count, counted } from '../../ui/format';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import { RunStatus } from '../../ui/status';
import { tellProblem } from '../../ui/tell';
import { Elapsed } from '../../ui/time';
import { DryRun } from './DryRun';
import classes from './letters.module.css';

/** The runs of a replay, as they go on and as they ended. */
export function ReplayRuns({ runIds, isDry }: { runIds: string[]; isDry: boolean }) {
  return (
    <Stack gap="sm">
      {runIds.map((runId) => (
        <ReplayRun key={runId} runId={runId} isDry={isDry} />
      ))}
    </Stack>
  );
}

/** Whether nothing happens to a run any more. */
function isOver(status: string): boolean {
  return ['completed', 'failed', 'source_failure', 'cancelled', 'not_run'].includes(status);
}

/** One run of a replay: how far it is, and what came of it. */
export function ReplayRun({ runId, isDry }: { runId: string; isDry: boolean }) {
  const run = api.useQuery('get', '/api/v1/runs/{run_id}', { params: { path: { run_id: runId } } });
  const live = useProgress(runId);
  if (run.error && !run.data) return <ProblemNote error={run.error} retry={() => void run.refetch()} />;
  if (!run.data) return <Skeleton height={84} />;
  const over = isOver(run.data.status);
  const letters = run.data.options.replay?.letters ?? 0;
  const done = over || !live;
  const success = done ? run.data.rows_created + run.data.rows_updated : live.success;
  const skipped = done ? run.data.rows_skipped : live.skipped;
  const failed = done ? run.data.rows_failed : live.failed;
  const isHeld = run.data.status === 'held';
  const share = (n: number) => `${letters > 0 ? Math.min(100, (n / letters) * 100) : 0}%`;
  return (
    <section className="panel" aria-label={`Run of ${run.data.sync_id}`} style={{ padding: 12 }}>
      <Stack gap={8}>
        <Group justify="space-between" gap="xs">
          <Group gap="sm">
            <RunStatus run={run.data} />
            <Text size="sm" fw={500}>
              {run.data.sync_id}
            </Text>
            <Link to="/runs/$runId" params={{ runId }} className="link">
              <ShortId id={runId} />
            </Link>
          </Group>
          <Group gap="xs">
            <Text size="sm" c="dimmed">
              <Elapsed from={run.data.started_at} to={run.data.completed_at} />
            </Text>
            {!over && <Cancel runId={runId} />}
          </Group>
        </Group>
        <div
          className={classes.bar}
          role="progressbar"
          aria-label="Records done"
          aria-valuemin={0}
          aria-valuemax={letters}
          aria-valuenow={Math.min(letters, success + skipped + failed)}
        >
          <span
            style={{
              width: share(success),
              background: isHeld ? 'var(--state-held)' : 'var(--state-completed)',
            }}
          />
          <span style={{ width: share(skipped), background: 'var(--state-muted)' }} />
          <span style={{ width: share(failed), background: 'var(--state-failed)' }} />
        </div>
        <Group gap="lg">
          <Figure label="Letters" value={letters} />
          <Figure label={isDry || isHeld ? 'To be written' : 'Written'} value={success} />
          <Figure label="Skipped" value={skipped} />
          <Figure label={isDry ? 'Would fail' : 'Failed'} value={failed} />
        </Group>
        {isHeld && <Held run={run.data} />}
        {over && <Ending run={run.data} isDry={isDry} />}
        {over && isDry && run.data.status === 'completed' && <DryRun runId={runId} />}
      </Stack>
    </section>
  );
}

function Figure({ label, value }: { label: string; value: number }) {
  return (
    <Text size="sm" c="dimmed">
      {label}{' '}
      <Text span size="sm" fw={600} c="var(--mantine-color-text)" className="num">
        {count(value)}
      </Text>
    </Text>
  );
}

function Cancel({ runId }: { runId: string }) {
  const cancel = api.useMutation('post', '/api/v1/runs/{run_id}/cancel', {
    onError: (error) => tellProblem('The run could not be cancelled', error),
  });
  return (
    <Allowed role="operator">
      {(disabled) => (
        <Button
          variant="default"
          size="compact-xs"
          disabled={disabled || cancel.isSuccess}
          loading={cancel.isPending}
          onClick={() => cancel.mutate({ params: { path: { run_id: runId } } })}
        >
          {cancel.isSuccess ? 'Cancelling' : 'Cancel'}
        </Button>
      )}
    </Allowed>
  );
}

/** Why nothing was written so far, and who decides. */
function Held({ run }: { run: RunDetail }) {
  const tripped = run.guards.filter((guard) => guard.tripped);
  return (
    <Stack gap={4}>
      {tripped.map((guard) => (
        <p key={guard.guard} className={classes.sentence} style={{ fontSize: '0.8125rem' }}>
          {guard.message}.
        </p>
      ))}
      <Text size="sm">
        Nothing was written. It waits for somebody to approve or reject it on{' '}
        <Link to="/runs/$runId" params={{ runId: run.id }} className="link">
          the run's page
        </Link>
        .
      </Text>
    </Stack>
  );
}

/** What came of it, in a sentence. */
function Ending({ run, isDry }: { run: RunDetail; isDry: boolean }) {
  if (run.error) {
    return (
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {run.error.message} <ErrorCode code={run.error.code} />
      </Text>
    );
  }
  const written = run.rows_created + run.rows_updated;
  const parts = [
    counted(run.rows_created, 'record') + (isDry ? ' would be created' : ' created'),
    `${count(run.rows_updated)} updated`,
    run.rows_deleted > 0 && `${count(run.rows_deleted)} removed`,
    run.rows_skipped > 0 && `${count(run.rows_skipped)} skipped`,
    run.rows_failed > 0 && `${count(run.rows_failed)} ${isDry ? 'would fail' : 'failed'} again`,
    run.not_found.length > 0 && `${count(run.not_found.length)} not in the model any more`,
  ].filter(Boolean);
  const outcome = isDry
    ? 'Nothing was written.'
    : run.rows_failed > 0
      ? 'Those that failed are open again, with one more attempt.'
      : written > 0
        ? 'Their letters are resolved.'
        : '';
  return (
    <Text size="sm">
      {parts.join(', ')}. {outcome}
    </Text>
  );
}
