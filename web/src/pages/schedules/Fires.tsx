import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { exact, moment } from '../../ui/format';
import { Ago } from '../../ui/time';
import type { Scheduled } from './fires';
import classes from './schedules.module.css';
import { missedReason } from './words';

/** The next fires of a schedule, and those that did not become a run. */
export function FiresOf({ sync }: { sync: Scheduled }) {
  return (
    <div className={classes.fires}>
      <section aria-label="Next fires">
        <Text size="sm" fw={600} mb={4}>
          Next fires
        </Text>
        <Next sync={sync} />
      </section>
      <section aria-label="Missed fires">
        <Text size="sm" fw={600} mb={4}>
          Missed in the last 7 days
        </Text>
        <Missed sync={sync} />
      </section>
    </div>
  );
}

function Next({ sync }: { sync: Scheduled }) {
  const { after, timezone } = sync.schedule;
  if (after)
    return (
      <Text size="sm" c="dimmed" className="said">
        It runs each time{' '}
        <Link to="/syncs/$syncId" params={{ syncId: after }} className="link">
          {after}
        </Link>{' '}
        completes.
      </Text>
    );
  if (sync.next_fires.length === 0)
    return (
      <Text size="sm" c="dimmed">
        None: its time never comes.
      </Text>
    );
  return (
    <>
      {sync.state !== 'active' && (
        <Text size="sm" c="dimmed" mb={4}>
          Were it activated now:
        </Text>
      )}
      <ol className={classes.list}>
        {sync.next_fires.slice(0, 10).map((at) => (
          <li key={at}>
            <span className="num">{moment(at)}</span>
            <span className={classes.soon}>
              {isNear(at) && <Ago at={at} />}
              {timezone && inZone(at, timezone)}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

/** Said as a time from now; what is further away is its date, which stands there already. */
function isNear(at: string): boolean {
  return new Date(at).getTime() - Date.now() < 7 * 86_400_000;
}

/** The same moment on the clocks of the schedule's zone, where they differ from the viewer's. */
function inZone(at: string, timezone: string): string | null {
  const time = (zone?: string) =>
    new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', timeZone: zone }).format(
      new Date(at),
    );
  return time() === time(timezone) ? null : ` (${time(timezone)} in ${timezone})`;
}

function Missed({ sync }: { sync: Scheduled }) {
  if (sync.missed.length === 0)
    return (
      <Text size="sm" c="dimmed">
        None.
      </Text>
    );
  return (
    <ol className={classes.list}>
      {sync.missed.map((run) => (
        <li key={run.id}>
          <Link
            to="/runs/$runId"
            params={{ runId: run.id }}
            className="link num"
            title={exact(run.run_at ?? run.created_at)}
          >
            {moment(run.run_at ?? run.created_at)}
          </Link>
          <span>{missedReason(run.end_reason)}</span>
        </li>
      ))}
    </ol>
  );
}
