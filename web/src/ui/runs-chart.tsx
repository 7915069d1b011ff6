import { Skeleton, Text, Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/types';
import { count, moment } from './format';
import { type Bar, barsOf, niceTop } from './runs-bars';
import classes from './runs-chart.module.css';

type Health = Schemas['HealthView'];

const SERIES = [
  { id: 'completed', word: 'completed', status: 'completed' },
  { id: 'failed', word: 'failed', status: 'failed' },
  { id: 'other', word: 'cancelled or not run', status: 'cancelled,not_run' },
] as const;

/** Runs by status over time. Each bar leads to its runs. */
export function RunsChart({ health, height = 160 }: { health: Health | undefined; height?: number }) {
  if (!health)
    return (
      <div>
        <div className={classes.key} />
        <Skeleton height={height} mt={8} mb={24} />
      </div>
    );
  const bars = barsOf(health, Date.now());
  const top = niceTop(Math.max(...bars.map((bar) => bar.completed + bar.failed + bar.other), 1));
  const total = (id: (typeof SERIES)[number]['id']) => bars.reduce((sum, bar) => sum + bar[id], 0);
  return (
    <div>
      <div className={classes.key}>
        {SERIES.map(({ id, word, status }) => (
          <Link
            key={id}
            to="/runs"
            search={{ status, since: health.window, by: 'end' }}
            className={`quiet ${classes.series}`}
          >
            <span className={classes.dot} data-series={id} />
            <span className="num">{count(total(id))}</span> {word}
          </Link>
        ))}
      </div>
      <div className={classes.chart} style={{ height }}>
        <div className={classes.scale} aria-hidden>
          <span>{count(top)}</span>
          <span>{top % 2 === 0 ? count(top / 2) : ''}</span>
          <span>0</span>
        </div>
        <ol className={classes.bars} aria-label="Runs by status over time">
          {bars.map((bar) => (
            <li key={bar.start} className={classes.place}>
              <BarLink bar={bar} top={top} />
            </li>
          ))}
        </ol>
        {health.total_runs === 0 && total('other') === 0 && (
          <Text size="sm" c="dimmed" className={classes.none}>
            No runs in this time
          </Text>
        )}
      </div>
      <Axis bars={bars} window={health.window} />
    </div>
  );
}

function BarLink({ bar, top }: { bar: Bar; top: number }) {
  const since = new Date(bar.start).toISOString();
  const until = new Date(bar.end).toISOString();
  const parts = SERIES.filter(({ id }) => bar[id] > 0);
  const words = parts.map(({ id, word }) => `${count(bar[id])} ${word}`).join(', ') || 'no runs';
  const period = `${moment(since)} – ${moment(until)}`;
  return (
    <Tooltip
      openDelay={0}
      label={
        <>
          <div>{period}</div>
          <div className="num">{words}</div>
        </>
      }
    >
      <Link
        to="/runs"
        search={{ since, until, by: 'end' }}
        className={classes.bar}
        aria-label={`${period}: ${words}`}
      >
        {SERIES.map(({ id }) => (
          <span
            key={id}
            className={classes.part}
            data-series={id}
            style={{ height: bar[id] === 0 ? 0 : `max(2px, ${(100 * bar[id]) / top}%)` }}
          />
        ))}
      </Link>
    </Tooltip>
  );
}

const hour = new Intl.DateTimeFormat(undefined, { hour: 'numeric' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** Times under the bars: hours of a day, else days. */
function Axis({ bars, window }: { bars: Bar[]; window: string }) {
  const every = window === '24h' ? 4 : window === '7d' ? 4 : 5;
  const format = window === '24h' ? hour : day;
  return (
    <div className={classes.axis} aria-hidden>
      {bars.map((bar, n) => (
        <span key={bar.start} className={classes.time}>
          {n % every === 0 && n < bars.length - 2 && <span>{format.format(bar.start)}</span>}
        </span>
      ))}
    </div>
  );
}
