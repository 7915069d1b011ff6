import type { Schemas } from '../../api/types';

export type Scheduled = Schemas['ScheduledSync'];

/** What fires in a stretch of time. */
export interface Fires {
  /** Milliseconds, in order. */
  at: number[];
  /** It runs after another sync ends, so the times are the earliest possible ones. */
  isEarliest: boolean;
}

/** The fires of an active sync from `from` up to `to`, in milliseconds; those of a follower are its leader's. */
export function firesBetween(sync: Scheduled, all: Scheduled[], from: number, to: number): Fires {
  return follow(sync, all, from, to, new Set());
}

function follow(sync: Scheduled, all: Scheduled[], from: number, to: number, seen: Set<string>): Fires {
  if (sync.state !== 'active' || seen.has(sync.sync_id)) return { at: [], isEarliest: false };
  const { after, every_seconds } = sync.schedule;
  if (after) {
    seen.add(sync.sync_id);
    const leader = all.find((other) => other.sync_id === after);
    return { at: leader ? follow(leader, all, from, to, seen).at : [], isEarliest: true };
  }
  const known = sync.next_fires.map((fire) => new Date(fire).getTime());
  const at = every_seconds ? spaced(known, every_seconds * 1000, to) : known;
  return { at: at.filter((fire) => fire >= from && fire <= to), isEarliest: false };
}

/** An interval is counted from fire to fire: it goes on as the known ones do. */
function spaced(known: number[], step: number, to: number): number[] {
  const last = known.at(-1);
  if (last === undefined) return known;
  const further = Math.max(0, Math.floor((to - last) / step));
  return [...known, ...Array.from({ length: further }, (_, n) => last + (n + 1) * step)];
}
