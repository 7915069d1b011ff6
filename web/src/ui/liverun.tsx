import { Button, Group, Skeleton, Stack, Text, Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { RunDetail } from '../api/types';
import { Allowed } from './allowed';
import { CopyText } from './copy';
import { type Figures, isLive, isOver, isPlan, type LiveRun, useLiveRun } from './figures';
import { count, counted, duration } from './format';
import { ButtonLink } from './link';
import classes from './liverun.module.css';
import { ProblemNote } from './problem';
import { ProgressBar } from './progress';
import { useRunActions } from './run-actions';
import { RunError } from './run-error';
import { StageStrip } from './stages';
import { typeWord } from './status';
import { Elapsed, Took } from './time';
import { panelWord, verdict } from './verdict';

/**
 * A run as it goes on: its steps, its figures, where its records are, and what to do with it.
 * It reads the run by itself and stays when the run has ended.
 */
export function LiveRunPanel(props: {
  runId: string;
  /** The trigger was answered with a run that was waiting already. */
  joined?: boolean;
}) {
  const followed = useLiveRun(props.runId);
  const { run, figures, error, refetch } = followed;
  return (
    <section className={`panel ${classes.panel}`} aria-label="Run status">
      {run && figures ? (
        <Story run={run} figures={figures} followed={followed} joined={props.joined === true} />
      ) : error ? (
        <ProblemNote error={error} retry={refetch} />
      ) : (
        <Stack gap="md">
          <Skeleton height={22} width={320} />
          <Skeleton height={8} />
          <Skeleton height={56} />
          <Skeleton height={52} />
        </Stack>
      )}
    </section>
  );
}

function Story(props: { run: RunDetail; figures: Figures; followed: LiveRun; joined: boolean }) {
  const { run, figures, followed, joined } = props;
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="sm" align="flex-start">
        <div>
          <Link to="/syncs/$syncId" params={{ syncId: run.sync_id }} className={`link ${classes.sync}`}>
            {run.sync_id}
          </Link>
          <Text span size="sm" c="dimmed">
            {' '}
            · {typeWord(run.type)} run
          </Text>
          <Steps figures={figures} />
        </div>
        <CancelButton run={run} figures={figures} />
      </Group>
      {joined && (
        <Text size="sm" role="note">
          You joined the queued run: the same was asked for before, and waits already.
        </Text>
      )}
      {/* Read out when the run comes to another step, not with every figure. */}
      <div role="status" className="visually-hidden">
        {panelWord(figures)}
      </div>
      <Text size="sm">{verdict(run, figures)}</Text>
      <ProgressBar figures={figures} isPlan={isPlan(run)} />
      <Counters figures={figures} isPlan={isPlan(run)} />
      {run.error && run.status !== 'cancelled' && <RunError error={run.error} />}
      <Pace run={run} figures={figures} followed={followed} />
      <StageStrip run={run} figures={figures} />
      <Group justify="space-between" gap="sm" className={classes.foot}>
        <Group gap={6}>
          <Text size="sm" c="dimmed">
            Correlation ID
          </Text>
          <CopyText value={run.correlation_id} label="correlation id" />
          <Link to="/runs" search={{ q: run.correlation_id }} className="link">
            Run history
          </Link>
        </Group>
        <Onward run={run} figures={figures} />
      </Group>
    </Stack>
  );
}

const WAY = ['Queued', 'Starting', 'Extracting', 'In progress'];
const ENDS: Record<string, string> = {
  Succeeded: 'var(--state-completed)',
  'Partial success': 'var(--state-partial)',
  Failed: 'var(--state-failed)',
  Cancelled: 'var(--state-muted)',
  'Not run': 'var(--state-muted)',
  Held: 'var(--state-held)',
};

/** The steps on a run's way, and where it is. */
function Steps({ figures }: { figures: Figures }) {
  const word = panelWord(figures);
  const end = ENDS[word];
  const here = end ? WAY.length : WAY.indexOf(word);
  const steps = [...WAY, end ? word : 'Done'];
  return (
    <ol className={classes.steps} aria-label="Steps">
      {steps.map((step, n) => (
        <li
          key={step}
          className={classes.step}
          data-at={n < here ? 'behind' : n === here ? 'here' : 'ahead'}
          aria-current={n === here ? 'step' : undefined}
          style={n === here && end ? { color: end, fontWeight: 600 } : undefined}
        >
          {step}
        </li>
      ))}
    </ol>
  );
}

/** The four counters of a run, with its deletes beside them. */
export function Counters({ figures, isPlan }: { figures: Figures; isPlan: boolean }) {
  const known = figures.total !== null;
  return (
    <dl className={classes.counters}>
      <Counter label="Total" figure={figures.total} meaning="Records found in the source." />
      <Counter
        label="Success"
        figure={known ? figures.success : null}
        color="var(--state-completed)"
        meaning={
          isPlan
            ? 'Records that would be created or updated. Nothing was written.'
            : 'Records that completed all stages and were written to the target.'
        }
      />
      <Counter
        label="Skipped"
        figure={known ? figures.skipped : null}
        color="var(--state-muted)"
        meaning="Records that were unchanged since the last run, or excluded."
      />
      <Counter
        label="Failed"
        figure={known ? figures.failed : null}
        color="var(--state-failed)"
        meaning={
          isPlan
            ? 'Records that could not be written as they are.'
            : 'Records that could not be written after all retries. They are in the dead letter queue.'
        }
      />
      <Counter
        label="Deleted"
        figure={known ? figures.deleted : null}
        meaning="Records removed from the target (in a plan: to be removed) because they left the source. They were not read, so they are not part of the total."
        beside
      />
    </dl>
  );
}

function Counter(props: {
  label: string;
  figure: number | null;
  meaning: string;
  color?: string;
  beside?: boolean;
}) {
  const { label, figure, meaning, color, beside } = props;
  return (
    <div className={beside ? classes.beside : classes.counter}>
      <dt>
        <Tooltip label={meaning} multiline w={260}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the meaning is for keyboards too */}
          <span className={classes.name} tabIndex={0}>
            {label}
            <span className="visually-hidden">. {meaning}</span>
          </span>
        </Tooltip>
      </dt>
      <dd style={figure ? { color } : undefined}>{figure === null ? '–' : count(figure)}</dd>
    </div>
  );
}

/** How fast it goes, how long it took, and what is left. */
function Pace({ run, figures, followed }: { run: RunDetail; figures: Figures; followed: LiveRun }) {
  const parts: ReactNode[] = [];
  if (run.started_at) {
    parts.push(
      <>
        {isOver(figures.status) ? <Took run={run} /> : <Elapsed from={run.started_at} />}{' '}
        {isOver(figures.status) ? 'in all' : 'so far'}
      </>,
    );
  }
  if (isLive(figures.status) && figures.status === 'running') {
    const unit = figures.phase === 'writing' ? 'change' : 'row';
    parts.push(
      followed.rate === null
        ? 'rate not known yet'
        : `${counted(Math.round(followed.rate), unit)} per second`,
    );
    if (figures.phase === 'writing') {
      parts.push(
        followed.left === null
          ? 'time left not known yet'
          : `about ${duration(Math.ceil(followed.left))} left`,
      );
    }
  } else if (isOver(figures.status) && run.started_at && run.completed_at && run.rows_processed > 0) {
    const seconds = (new Date(run.completed_at).getTime() - new Date(run.started_at).getTime()) / 1000;
    if (seconds > 0) parts.push(`${counted(Math.round(run.rows_processed / seconds), 'row')} per second`);
  }
  return (
    <Text size="sm" c="dimmed" className="num" mih={20}>
      {parts.map((part, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts stand in a fixed order
        <span key={n}>
          {n > 0 && ' · '}
          {part}
        </span>
      ))}
    </Text>
  );
}

/** Ends a run that waits or goes on; nothing when there is nothing to end. */
export function CancelButton({ run, figures }: { run: RunDetail; figures: Figures }) {
  const actions = useRunActions();
  if (!isLive(figures.status) && figures.status !== 'scheduled') return null;
  return (
    <Allowed role="operator">
      {(disabled) => (
        <Button
          variant="default"
          disabled={disabled || actions.isBusy}
          onClick={() => actions.cancel(run, doneSoFar(figures))}
        >
          Cancel run
        </Button>
      )}
    </Allowed>
  );
}

export function doneSoFar(figures: Figures): string {
  if (figures.status !== 'running') return 'It has not written anything yet.';
  if (figures.planned === null || figures.phase === 'extracting' || figures.phase === 'detecting_changes') {
    return 'It is still reading, and has not written anything yet.';
  }
  return `${count(figures.sent ?? 0)} of ${counted(figures.planned, 'change')} are sent; the others are not.`;
}

/** Where to look when it has ended. */
function Onward({ run, figures }: { run: RunDetail; figures: Figures }) {
  const toRun = { to: '/runs/$runId' as const, params: { runId: run.id } };
  if (figures.status === 'held') {
    return (
      <ButtonLink {...toRun} search={{ tab: 'plan' }}>
        Review the plan
      </ButtonLink>
    );
  }
  return (
    <Group gap="md">
      {isOver(figures.status) && figures.failed > 0 && (
        <>
          <Link {...toRun} search={{ tab: 'errors' }} className="link">
            {counted(figures.failed, 'error')}
          </Link>
          {!run.dry_run && (
            <Link to="/dead-letters" search={{ run: run.id }} className="link">
              Dead letter queue
            </Link>
          )}
        </>
      )}
      <Link {...toRun} className="link">
        Run detail
      </Link>
    </Group>
  );
}
