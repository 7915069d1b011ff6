import type { Schemas } from '../../api/types';

export type Scheduled = Schemas['ScheduledSync'];

/** What fires in a stretch of time. */
export interface Fires {
  /** Milliseconds, in order. */
  at: number[];
  /** It runs after another sync ends, so the times are the earliest possible ones. */
  isEarliest: boolean;
  /** It fires on after the last of these: the server names the next ten times only. */
  isCut: boolean;
}

const NONE: Fires = { at: [], isEarliest: false, isCut: false };
/** Times that the server names. */
const NAMED = 10;

/** The fires of an active sync from `from` up to `to`, in milliseconds; those of a follower are its leader's. */
export function firesBetween(sync: Scheduled, all: Scheduled[], from: number, to: number): Fires {
  return follow(sync, all, from, to, new Set());
}

function follow(sync: Scheduled, all: Scheduled[], from: number, to: number, seen: Set<string>): Fires {
  if (sync.state !== 'active' || seen.has(sync.sync_id)) return NONE;
  const { after, every_seconds } = sync.schedule;
  if (after) {
    seen.add(sync.sync_id);
    const leader = all.find((other) => other.sync_id === after);
    return { ...(leader ? follow(leader, all, from, to, seen) : NONE), isEarliest: true };
  }
  const known = sync.next_fires.map((fire) => new Date(fire).getTime());
  const at = every_seconds ? spaced(known, every_seconds * 1000, to) : known;
  const isCut = !every_seconds && known.length >= NAMED && (known.at(-1) ?? to) < to;
  return { at: at.filter((fire) => fire >= from && fire <= to), isEarliest: false, isCut };
}

/** An interval is counted from fire to fire: it goes on as the known ones do. */
function spaced(known: number[], step: number, to: number): number[] {
  const last = known.at(-1);
  if (last === undefined) return known;
  const further = Math.max(0, Math.floor((to - last) / step));
  return [...known, ...Array.from({ length: further }, (_, n) => last + (n + 1) * step)];
}
