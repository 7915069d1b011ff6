import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { RunDetail } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { ShortId } from '../../ui/copy';
import { type Figures, isLive, isOver, useLiveRun } from '../../ui/figures';
import { count, counted, duration } from '../../ui/format';
import { doneSoFar } from '../../ui/liverun';
import { ProblemNote } from '../../ui/problem';
import { ProgressBar } from '../../ui/progress';
import { useRunActions } from '../../ui/run-actions';
import { RunError } from '../../ui/run-error';
import { RunStatus } from '../../ui/status';
import { Took } from '../../ui/time';
import { verdict } from '../../ui/verdict';
import { DryRun } from './DryRun';
import classes from './letters.module.css';

/** The runs of a replay, as they go on and as they ended. */
export function ReplayRuns({ runIds }: { runIds: string[] }) {
  return (
    <Stack gap="sm">
      {runIds.map((runId) => (
        <ReplayRun key={runId} runId={runId} />
      ))}
    </Stack>
  );
}

/** One run of a replay: how far it is, what came of it, and what can be done with it. */
export function ReplayRun({ runId }: { runId: string }) {
  const { run, figures, left, error, refetch } = useLiveRun(runId);
  if (error && !run) return <ProblemNote error={error} retry={refetch} />;
  if (!run || !figures) return <Skeleton height={96} />;
  const replay = run.options.replay;
  return (
    <section className="panel" aria-label={`Replay of ${run.sync_id}`} style={{ padding: 12 }}>
      <Stack gap={8}>
        <Group justify="space-between" gap="xs">
          <Group gap="sm">
            <RunStatus run={run} />
            <Text size="sm">
              {replay && `${counted(replay.letters, 'dead letter')} of `}
              <Text span fw={500} size="sm">
                {run.sync_id}
              </Text>
            </Text>
            <Link to="/runs/$runId" params={{ runId }} className="link">
              <ShortId id={runId} />
            </Link>
          </Group>
          <Group gap="sm">
            <Text size="sm" c="dimmed">
              <Took run={run} />
              {left !== null && `, about ${duration(left)} left`}
            </Text>
            <Actions run={run} figures={figures} />
          </Group>
        </Group>
        {run.status !== 'held' && <ProgressBar figures={figures} />}
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {verdict(run, figures)} {outcome(run, figures)}
        </Text>
        {run.error && run.status !== 'cancelled' && <RunError error={run.error} />}
        {run.status === 'held' &&
          run.guards
            .filter((guard) => guard.tripped)
            .map((guard) => (
              <p key={guard.guard} className={`${classes.sentence} ${classes.note} sentence`}>
                {guard.message}.
              </p>
            ))}
        {run.dry_run && run.status === 'completed' && <DryRun runId={runId} />}
      </Stack>
    </section>
  );
}

/** What that means for the letters. */
function outcome(run: RunDetail, figures: Figures): string {
  if (run.dry_run || !isOver(run.status)) return '';
  const parts = [
    figures.success > 0 && 'Letters of what was delivered are resolved.',
    figures.failed > 0 && `${count(figures.failed)} failed again and are open, with one more attempt.`,
    run.not_found.length > 0 && `${count(run.not_found.length)} are not in the model any more.`,
  ];
  return parts.filter(Boolean).join(' ');
}

function Actions({ run, figures }: { run: RunDetail; figures: Figures }) {
  const actions = useRunActions();
  if (isLive(run.status)) {
    return (
      <Allowed role="operator">
        {(disabled) => (
          <Button
            variant="default"
            size="compact-xs"
            disabled={disabled || actions.isBusy}
            onClick={() => actions.cancel(run, doneSoFar(figures))}
          >
            Cancel
          </Button>
        )}
      </Allowed>
    );
  }
  if (run.status !== 'held') return null;
  return (
    <Group gap="xs">
      <Allowed role="operator">
        {(disabled) => (
          <Button
            variant="default"
            size="compact-xs"
            disabled={disabled || actions.isBusy}
            onClick={() => actions.reject(run)}
          >
            Reject
          </Button>
        )}
      </Allowed>
      <Allowed role="operator">
        {(disabled) => (
          <Button
            size="compact-xs"
            disabled={disabled || actions.isBusy}
            onClick={() => actions.approve(run)}
          >
            Approve
          </Button>
        )}
      </Allowed>
    </Group>
  );
}
