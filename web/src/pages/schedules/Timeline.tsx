import { Skeleton, Text, Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type MouseEvent, useState } from 'react';
import { count, counted, moment } from '../../ui/format';
import { useRememberedRows } from '../../ui/remembered';
import { useMinute } from '../../ui/time';
import { type Fires, firesBetween, type Scheduled } from './fires';
import classes from './timeline.module.css';

const HOUR = 3_600_000;
const SPAN = 24 * HOUR;
/** Hours between two marks of the axis. */
const MARK_EVERY = 3;
/** No mark stands so near the end that its text would be cut. */
const LAST_MARK = 0.97;
/** More fires than these are drawn as a band: single ones could not be told apart. */
const SINGLE_MAX = 150;

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric' });

/** What fires in the next 24 hours, a line for each active sync. */
export function Timeline({ schedules }: { schedules: Scheduled[] | undefined }) {
  const now = useMinute();
  const active = schedules?.filter(({ state }) => state === 'active');
  const greyLines = useRememberedRows('timeline', active?.length, 4);
  if (!schedules || !active) return <Grey lines={greyLines} />;
  if (active.length === 0) {
    return (
      <Text size="sm" c="dimmed" py="sm">
        Nothing fires: no sync with a schedule is active.
      </Text>
    );
  }
  return (
    <div className={classes.timeline}>
      <div className={classes.lines}>
        {active.map((sync) => (
          <Line
            key={sync.sync_id}
            sync={sync}
            fires={firesBetween(sync, schedules, now, now + SPAN)}
            now={now}
          />
        ))}
      </div>
      <Axis now={now} />
    </div>
  );
}

function Line({ sync, fires, now }: { sync: Scheduled; fires: Fires; now: number }) {
  const [near, setNear] = useState<number>();
  const { at, isEarliest, isCut } = fires;
  const where = (fire: number) => `${((fire - now) / SPAN) * 100}%`;

  function point(event: MouseEvent<HTMLDivElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const pointed = now + ((event.clientX - box.left) / box.width) * SPAN;
    const distance = (fire: number) => Math.abs(fire - pointed);
    setNear(at.reduce((best, fire) => (distance(fire) < distance(best) ? fire : best), at[0] ?? now));
  }

  const label =
    near &&
    `${isEarliest ? `After ${sync.schedule.after}, from ` : ''}${moment(new Date(near).toISOString())}`;
  return (
    <div className={classes.line}>
      <Link to="/syncs/$syncId" params={{ syncId: sync.sync_id }} className={`quiet ${classes.name}`}>
        {sync.sync_id}
      </Link>
      <Tooltip.Floating label={label} disabled={!near || at.length === 0}>
        <div
          className={classes.track}
          onMouseMove={point}
          role="img"
          aria-label={`${sync.sync_id}: ${isCut ? 'more than ' : ''}${counted(at.length, 'fire')} in the next 24 hours`}
        >
          {at.length > SINGLE_MAX ? (
            <span className={classes.band} style={{ left: where(at[0] ?? now), right: 0 }} />
          ) : (
            at.map((fire) => (
              <span
                key={fire}
                className={isEarliest ? classes.follows : classes.fire}
                style={{ left: where(fire) }}
              />
            ))
          )}
          {isCut && <span className={classes.on} style={{ left: where(at.at(-1) ?? now), right: 0 }} />}
        </div>
      </Tooltip.Floating>
      <span className={classes.total}>
        {count(at.length)}
        {isCut && '+'}
      </span>
    </div>
  );
}

/** Full hours of the viewer's zone. */
function Axis({ now }: { now: number }) {
  const first = new Date(now);
  first.setMinutes(0, 0, 0);
  const hours = Array.from({ length: 25 }, (_, n) => first.getTime() + (n + 1) * HOUR);
  const marks = hours.filter(
    (at) => at <= now + SPAN * LAST_MARK && new Date(at).getHours() % MARK_EVERY === 0,
  );
  return (
    <div className={classes.axis} aria-hidden>
      {marks.map((at) => (
        <span key={at} className={classes.hour} style={{ left: `${((at - now) / SPAN) * 100}%` }}>
          {clock.format(at)}
        </span>
      ))}
    </div>
  );
}

function Grey({ lines }: { lines: number }) {
  return (
    <div className={classes.timeline}>
      <div className={classes.lines}>
        {Array.from({ length: lines }, (_, n) => `grey${n}`).map((key) => (
          <div key={key} className={classes.line}>
            <Skeleton height={10} width="70%" />
            <Skeleton height={10} />
          </div>
        ))}
      </div>
      <div className={classes.axis} />
    </div>
  );
}
