import { IconZzz } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useProgress } from '../../api/live';
import type { Run, Sync } from '../../api/types';
import { type Figures, figuresOf, isPlan } from '../../ui/figures';
import { count, counted } from '../../ui/format';
import { ProgressBar } from '../../ui/progress';
import { RunStatus } from '../../ui/status';
import { Ago, Elapsed } from '../../ui/time';
import { GreyLine } from './NeedsYou';
import classes from './overview.module.css';

/** Runs that go on or wait for their turn, with live bars. */
export function GoingOn({
  runs,
  total,
  syncs,
}: {
  runs: Run[] | undefined;
  /** How many there are, which may be more than are here. */
  total: number;
  syncs: Sync[] | undefined;
}) {
  if (runs?.length === 0) return <Quiet syncs={syncs} />;
  const inOrder = runs?.toSorted((a, b) => Number(a.status === 'queued') - Number(b.status === 'queued'));
  return (
    <ul className={classes.lines} aria-label="Going on now" aria-busy={!runs}>
      {inOrder
        ? inOrder.map((run) => <Line key={run.id} run={run} />)
        : ['a', 'b'].map((key) => <GreyLine key={key} />)}
      {runs && total > runs.length && (
        <li className={classes.line}>
          <Link to="/runs" search={{ status: 'queued,starting,running' }} className="link">
            {count(total - runs.length)} more
          </Link>
        </li>
      )}
    </ul>
  );
}

function Line({ run }: { run: Run }) {
  const figures = figuresOf(run, useProgress(run.id));
  return (
    <li className={classes.line}>
      <div className={classes.what}>
        <div className={classes.heading}>
          <Link to="/runs/$runId" params={{ runId: run.id }} className={classes.lineLink}>
            {run.sync_id}
          </Link>
          <RunStatus run={run} />
          <span className={classes.end}>
            {run.started_at ? <Elapsed from={run.started_at} /> : <Ago at={run.created_at} />}
          </span>
        </div>
        <div className={classes.heading}>
          <div className={classes.bar}>
            <ProgressBar figures={figures} isPlan={isPlan(run)} />
          </div>
          <span className={`${classes.soft} ${classes.done}`}>{rowsDone(figures)}</span>
        </div>
      </div>
    </li>
  );
}

/** How many rows are done with, of how many where that is known. */
function rowsDone({ success, skipped, failed, total, phase }: Figures): string {
  const done = success + skipped + failed;
  if (phase === 'extracting' && total) return `${counted(total, 'row')} read`;
  if (total && total >= done) return `${count(done)} of ${counted(total, 'row')}`;
  return done > 0 ? counted(done, 'row') : '';
}

/** Nothing runs: what will be next. */
function Quiet({ syncs }: { syncs: Sync[] | undefined }) {
  const next = syncs
    ?.filter(({ next_run_at }) => next_run_at)
    .toSorted((a, b) => `${a.next_run_at}`.localeCompare(`${b.next_run_at}`))[0];
  return (
    <div className={classes.calm}>
      <IconZzz size={28} stroke={1.6} color="var(--state-muted)" aria-hidden />
      <div className={classes.calmTitle}>Nothing is running</div>
      <div className={`${classes.soft} said`}>
        {next ? (
          <>
            Next:{' '}
            <Link to="/syncs/$syncId" params={{ syncId: next.id }} className="link">
              {next.id}
            </Link>{' '}
            <Ago at={next.next_run_at} />
          </>
        ) : (
          'No run is scheduled.'
        )}
      </div>
    </div>
  );
}
