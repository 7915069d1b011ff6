import { Tooltip } from '@mantine/core';
import { useState, useSyncExternalStore } from 'react';
import { duration, exact, relative } from './format';
import { type Timed, worked } from './verdict';

/** One clock for all times on a page, in milliseconds; it moves once a second. */
let now = Date.now();
const watchers = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function watch(watcher: () => void) {
  watchers.add(watcher);
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const each of watchers) each();
  }, 1000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

/** Calls `see` again each second, and the caller is drawn again when what it returns differs. */
function useSeen<T extends string | number>(see: (now: number) => T): T {
  return useSyncExternalStore(watch, () => see(now));
}

/** The time now, in milliseconds, rounded to the minute that began: what shows it is drawn again each minute. */
export function useMinute(): number {
  return useSeen((moment) => Math.floor(moment / 60_000) * 60_000);
}

/** A time as people say it; the exact one on hover. Null is a dash. */
export function Ago({ at }: { at: string | null | undefined }) {
  const text = useSeen((moment) => (at ? relative(at, moment) : '–'));
  if (!at) return <span>–</span>;
  return (
    <Tooltip label={exact(at)}>
      <time dateTime={at} style={{ whiteSpace: 'nowrap' }}>
        {text}
      </time>
    </Tooltip>
  );
}

/** How long a run took: of one that was held, without the time in which it waited for a decision. */
export function Took({ run }: { run: Timed }) {
  const took = worked(run);
  if (took === null) return <Elapsed from={run.started_at} />;
  return (
    <span className="num" style={{ whiteSpace: 'nowrap' }}>
      {took}
    </span>
  );
}

/** How long something has gone on since `from`, up to `to` or up to now. */
export function Elapsed({ from, to }: { from: string | null | undefined; to?: string | null }) {
  const text = useSeen((moment) => {
    if (!from) return '–';
    const end = to ? new Date(to).getTime() : moment;
    const seconds = Math.max(0, (end - new Date(from).getTime()) / 1000);
    if (to) return duration(seconds);
    return seconds < 1 ? '<1s' : duration(Math.floor(seconds));
  });
  return (
    <span className="num" style={{ whiteSpace: 'nowrap' }}>
      {text}
    </span>
  );
}

/** The moment it is, in milliseconds, while something moves; else the moment it was first asked for. */
export function useNow(isMoving: boolean): number {
  const [asked] = useState(Date.now);
  return useSeen((moment) => (isMoving ? moment : asked));
}
