import {
  type Icon,
  IconAlertTriangle,
  IconBan,
  IconCalendarClock,
  IconCircleCheck,
  IconCircleX,
  IconClockPause,
  IconHandStop,
  IconLoader,
  IconMinus,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlugConnectedX,
} from '@tabler/icons-react';
import type { Run } from '../api/types';
import { count } from './format';
import classes from './status.module.css';

/** How a state is shown. */
export interface Look {
  word: string;
  icon: Icon;
  color: string;
}

const RUNS: Record<string, Look> = {
  scheduled: { word: 'Scheduled', icon: IconCalendarClock, color: 'var(--state-waiting)' },
  queued: { word: 'Queued', icon: IconClockPause, color: 'var(--state-waiting)' },
  starting: { word: 'Starting', icon: IconLoader, color: 'var(--state-running)' },
  running: { word: 'Running', icon: IconLoader, color: 'var(--state-running)' },
  completed: { word: 'Completed', icon: IconCircleCheck, color: 'var(--state-completed)' },
  failed: { word: 'Failed', icon: IconCircleX, color: 'var(--state-failed)' },
  source_failure: { word: 'Source failure', icon: IconPlugConnectedX, color: 'var(--state-failed)' },
  cancelled: { word: 'Cancelled', icon: IconBan, color: 'var(--state-muted)' },
  held: { word: 'Held', icon: IconHandStop, color: 'var(--state-held)' },
  not_run: { word: 'Not run', icon: IconMinus, color: 'var(--state-muted)' },
};
const PHASES: Record<string, string> = {
  extracting: 'Extracting',
  detecting_changes: 'Detecting changes',
  writing: 'Writing',
  finalizing: 'Finalizing',
};
const SYNCS: Record<string, Look> = {
  active: { word: 'Active', icon: IconPlayerPlay, color: 'var(--state-completed)' },
  inactive: { word: 'Inactive', icon: IconPlayerPause, color: 'var(--state-muted)' },
  halted: { word: 'Halted', icon: IconHandStop, color: 'var(--state-failed)' },
};
const LETTERS: Record<string, Look> = {
  open: { word: 'Open', icon: IconAlertTriangle, color: 'var(--state-partial)' },
  replaying: { word: 'Replaying', icon: IconLoader, color: 'var(--state-running)' },
  resolved_auto: { word: 'Resolved by a later run', icon: IconCircleCheck, color: 'var(--state-completed)' },
  resolved_replay: { word: 'Resolved by replay', icon: IconCircleCheck, color: 'var(--state-completed)' },
  resolved_user: { word: 'Resolved by hand', icon: IconCircleCheck, color: 'var(--state-completed)' },
  ignored: { word: 'Ignored', icon: IconBan, color: 'var(--state-muted)' },
  expired: { word: 'Expired', icon: IconMinus, color: 'var(--state-muted)' },
};

function look(looks: Record<string, Look>, name: string): Look {
  return looks[name] ?? { word: name, icon: IconMinus, color: 'var(--state-muted)' };
}

/** A state: icon, word and colour. */
export function Mark({
  word,
  icon: Sign,
  color,
  moving,
  count: figure,
}: Look & { moving?: boolean; count?: number }) {
  return (
    <span className={classes.mark}>
      <Sign size={16} color={color} stroke={2} aria-hidden className={moving ? classes.moving : undefined} />
      <span>{word}</span>
      {figure !== undefined && <span className={classes.count}>{count(figure)} failed</span>}
    </span>
  );
}

/** How a run stands: icon, word and colour, the same everywhere. */
export function RunStatus({ run }: { run: Pick<Run, 'status' | 'phase' | 'rows_failed'> }) {
  if (run.status === 'completed' && run.rows_failed > 0) {
    const partial = { word: 'Completed', icon: IconAlertTriangle, color: 'var(--state-partial)' };
    return <Mark {...partial} count={run.rows_failed} />;
  }
  const own = look(RUNS, run.status);
  const moving = run.status === 'running' || run.status === 'starting';
  const word = run.status === 'running' && run.phase ? (PHASES[run.phase] ?? own.word) : own.word;
  return <Mark {...own} word={word} moving={moving} />;
}

/** `active`, `inactive` or `halted`. */
export function SyncState({ state }: { state: string }) {
  return <Mark {...look(SYNCS, state)} />;
}

export function LetterState({ state }: { state: string }) {
  return <Mark {...look(LETTERS, state)} moving={state === 'replaying'} />;
}

/** The word of a sync's state, for filters and sentences. */
export function syncStateWord(state: string): string {
  return look(SYNCS, state).word;
}

export const SYNC_STATES = Object.keys(SYNCS);

/** All states that a dead letter can have, in the order of its life. */
export const LETTER_STATES = Object.keys(LETTERS);

export function letterStateWord(state: string): string {
  return look(LETTERS, state).word;
}

/** The word of a run's status, for filters and sentences. */
export function statusWord(status: string): string {
  return look(RUNS, status).word;
}

/** The colour of a run's status, for charts. */
export function statusColor(status: string): string {
  return look(RUNS, status).color;
}

/** All statuses that a run can have, in the order of its life. */
export const RUN_STATUSES = Object.keys(RUNS);

const TYPES: Record<string, string> = {
  sync: 'Sync',
  one_time: 'One time',
  test: 'Test',
  seed: 'Seed',
  replay: 'Replay',
};
const TRIGGERS: Record<string, string> = {
  schedule: 'Schedule',
  manual: 'Manual',
  api: 'API',
  cli: 'CLI',
  retry: 'Retry',
  upstream: 'Upstream',
};

export function typeWord(type: string): string {
  return TYPES[type] ?? type;
}

export function triggerWord(trigger: string): string {
  return TRIGGERS[trigger] ?? trigger;
}

export const RUN_TYPES = Object.keys(TYPES);
export const RUN_TRIGGERS = Object.keys(TRIGGERS);

const FLAGS: Record<string, string> = {
  rows_spike: 'More rows',
  rows_drop: 'Fewer rows',
  slower: 'Slower',
  error_rate_rise: 'More errors',
};

/** A sudden change of a trend in two words. */
export function flagWord(kind: string): string {
  return FLAGS[kind] ?? kind;
}
