import { Text, Tooltip } from '@mantine/core';
import { Fragment } from 'react';
import type { RunDetail } from '../../api/types';
import { isLive } from '../../ui/figures';
import { duration, exact } from '../../ui/format';
import { Panel } from '../../ui/page';
import { Elapsed, useNow } from '../../ui/time';
import classes from './run.module.css';
import { type Stretch, stretches } from './timeline';

const LANES: { lane: string; label: string; meaning: string }[] = [
  {
    lane: 'waiting',
    label: 'Waiting',
    meaning: 'Queued, held for a decision, or paused for a rate limit.',
  },
  {
    lane: 'extracting',
    label: 'Query execution',
    meaning: 'Reading the model from the source.',
  },
  {
    lane: 'detecting_changes',
    label: 'Change detection',
    meaning: 'Comparing with what was delivered before, and mapping.',
  },
  {
    lane: 'writing',
    label: 'Destination writes',
    meaning: 'Sending changes to the destination.',
  },
  {
    lane: 'finalizing',
    label: 'Finalization',
    meaning: 'Recording results, the snapshot and the cursor.',
  },
];

/** The phases of a run as bars over time, with what each took. */
export function Timeline({ run }: { run: RunDetail }) {
  const isMoving = isLive(run.status) || run.status === 'held';
  const now = useNow(isMoving);
  const { all, isCut } = stretches(run, now);
  const first = all[0];
  const last = all.at(-1);
  return (
    <Panel title="Timeline">
      <div className={classes.gantt}>
        {LANES.map(({ lane, label, meaning }) => {
          const own = all.filter((stretch) => stretch.lane === lane);
          const open = own.find((stretch) => stretch.isOpen);
          return (
            <Fragment key={lane}>
              <Tooltip label={meaning} multiline w={240}>
                <span>{label}</span>
              </Tooltip>
              <div className={classes.lane}>
                {own.map((stretch) => (
                  <Bar key={stretch.from} stretch={stretch} isStopped={isStop(run, stretch, last)} />
                ))}
              </div>
              <span className={classes.took}>
                {open ? (
                  <Elapsed from={new Date(open.from).toISOString()} />
                ) : own.length > 0 ? (
                  duration(own.reduce((sum, { from, to }) => sum + to - from, 0) / 1000)
                ) : (
                  '–'
                )}
              </span>
            </Fragment>
          );
        })}
        <span />
        <div className={`${classes.axis} num`}>
          <span>{first && clock.format(first.from)}</span>
          <span>{last && (last.isOpen ? 'now' : clock.format(last.to))}</span>
        </div>
        <span />
      </div>
      {isCut && (
        <Text size="xs" c="dimmed">
          Waiting is drawn shorter than it was.
        </Text>
      )}
    </Panel>
  );
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });

function isStop(run: RunDetail, stretch: Stretch, last: Stretch | undefined): boolean {
  return stretch === last && (run.status === 'failed' || run.status === 'source_failure');
}

function Bar({ stretch, isStopped }: { stretch: Stretch; isStopped: boolean }) {
  const from = new Date(stretch.from).toISOString();
  const took = duration((stretch.to - stretch.from) / 1000);
  const kind =
    stretch.lane === 'waiting'
      ? classes.wait
      : stretch.isOpen
        ? classes.open
        : isStopped
          ? classes.stopped
          : undefined;
  return (
    <Tooltip label={`${exact(from)}, ${took}`}>
      <span
        className={kind}
        style={{
          left: `min(${stretch.left * 100}%, calc(100% - 3px))`,
          width: `${stretch.width * 100}%`,
        }}
      />
    </Tooltip>
  );
}
