import type { Schemas } from '../api/types';

/** Runs of one period; times in milliseconds. */
export interface Bar {
  start: number;
  end: number;
  completed: number;
  /** Source failures too. */
  failed: number;
  /** Cancelled ones and fires that did not become a run. */
  other: number;
}

const HOUR = 3_600_000;
/** How long the periods of a window last where a single one does not tell. */
const LASTS: Record<string, number> = { '24h': HOUR, '7d': 6 * HOUR, '30d': 24 * HOUR };

/** A bar for each period of the window up to now, those without runs too. */
export function barsOf(
  health: Pick<Schemas['HealthView'], 'since' | 'window' | 'periods'>,
  now: number,
): Bar[] {
  const bars = health.periods.map(({ start, by_status }) => ({
    start: new Date(start).getTime(),
    end: 0,
    completed: by_status.completed ?? 0,
    failed: (by_status.failed ?? 0) + (by_status.source_failure ?? 0),
    other: (by_status.cancelled ?? 0) + (by_status.not_run ?? 0),
  }));
  const lasts = LASTS[health.window] ?? HOUR;
  const nothing = { end: 0, completed: 0, failed: 0, other: 0 };
  const since = new Date(health.since).getTime();
  if (bars.length === 0 && since < now) bars.push({ start: since, ...nothing });
  // Each begins at a whole hour or day in UTC, but for the first.
  const last = bars.at(-1)?.start ?? now;
  for (let next = (Math.floor(last / lasts) + 1) * lasts; next < now; next += lasts)
    bars.push({ start: next, ...nothing });
  return bars.map((bar, n) => ({ ...bar, end: bars[n + 1]?.start ?? Math.max(now, bar.start + 1) }));
}

/** The smallest of 1, 2, 4, 6, 8, 10, 20, 40 … that is not below the figure: what a scale ends with. */
export function niceTop(highest: number): number {
  if (highest <= 1) return 1;
  const step = 10 ** Math.floor(Math.log10(highest));
  const factor = [1, 2, 4, 6, 8, 10].find((n) => n * step >= highest) ?? 10;
  return factor * step;
}
