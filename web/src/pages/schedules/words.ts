import { cronWords } from '../../ui/cron';
import { duration } from '../../ui/format';
import type { Scheduled } from './fires';

const OVERLAP: Record<string, { word: string; about: string }> = {
  queue_one: {
    word: 'Queue one',
    about: 'A fire during a run waits for its end; further ones are left out.',
  },
  skip: { word: 'Skip', about: 'A fire during a run is left out.' },
};

export function overlapWords(overlap: string): { word: string; about: string } {
  return OVERLAP[overlap] ?? { word: overlap, about: '' };
}

const REASONS: Record<string, string> = {
  overlap: 'A run was still going on',
  held: 'A held run waited for a decision',
  superseded: 'Another run came in its place',
  deactivated: 'The sync was deactivated',
};

/** Why a fire did not become a run. */
export function missedReason(reason: string | null | undefined): string {
  return (reason && REASONS[reason]) ?? reason ?? 'No reason is known';
}

/** When it fires, as a sentence's beginning: `Every 15m`, `Daily at 06:00`. */
export function whenWords(schedule: Scheduled['schedule']): string {
  const { every_seconds, cron, after } = schedule;
  if (every_seconds) return `Every ${duration(every_seconds)}`;
  const words = cron && cronWords(cron);
  if (words) return words.charAt(0).toUpperCase() + words.slice(1);
  return cron ?? (after ? `After ${after}` : 'Only by hand');
}
