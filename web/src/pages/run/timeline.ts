import type { RunDetail } from '../../api/types';

/** A stretch of a run's time: work of a phase, or waiting (`waiting`). */
export interface Stretch {
  lane: string;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  isOpen: boolean;
  /** Where it is drawn, in shares of 0 to 1. */
  left: number;
  width: number;
}

/** Waiting takes at most this share of the picture, so that the work beside it can be seen. */
const WAIT_SHARE_MAX = 0.25;
/** Gaps between phases below this are no waiting, in milliseconds. */
const GAP_MIN = 1_000;

/** The stretches of a run in order, and whether waiting was drawn shorter than it was. */
export function stretches(run: RunDetail, now: number): { all: Stretch[]; isCut: boolean } {
  const found: Omit<Stretch, 'left' | 'width'>[] = [];
  const at = (time: string) => new Date(time).getTime();
  const due = Math.max(at(run.created_at), run.run_at ? at(run.run_at) : 0);
  const wait = (from: number, to: number, least: number) => {
    if (to - from > least) found.push({ lane: 'waiting', from, to, isOpen: false });
  };
  if (run.started_at) wait(due, at(run.started_at), 0);
  let last = run.started_at ? at(run.started_at) : due;
  for (const phase of run.timeline) {
    wait(last, at(phase.started_at), GAP_MIN);
    const to = phase.ended_at ? at(phase.ended_at) : Math.max(now, at(phase.started_at));
    found.push({ lane: phase.phase, from: at(phase.started_at), to, isOpen: !phase.ended_at });
    last = to;
  }
  // A held run that was rejected has waited up to its end.
  if (run.completed_at && run.timeline.length > 0) wait(last, at(run.completed_at), GAP_MIN);
  if (run.status === 'held' || run.status === 'queued') {
    const isOpen = true;
    found.push({ lane: 'waiting', from: last, to: Math.max(now, last), isOpen });
  }
  return drawn(found);
}

function drawn(found: Omit<Stretch, 'left' | 'width'>[]): { all: Stretch[]; isCut: boolean } {
  const sum = (waits: boolean) =>
    found
      .filter(({ lane }) => (lane === 'waiting') === waits)
      .reduce((total, { from, to }) => total + to - from, 0);
  const work = sum(false);
  const waiting = sum(true);
  const allowed = (work * WAIT_SHARE_MAX) / (1 - WAIT_SHARE_MAX);
  const isCut = work > 0 && waiting > allowed;
  const factor = isCut ? allowed / waiting : 1;
  const whole = work + waiting * factor || 1;
  let left = 0;
  const all = found.map((stretch) => {
    const width = ((stretch.to - stretch.from) * (stretch.lane === 'waiting' ? factor : 1)) / whole;
    const placed = { ...stretch, left, width };
    left += width;
    return placed;
  });
  return { all, isCut };
}
