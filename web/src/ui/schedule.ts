import type { Schemas } from '../api/types';
import { duration } from './format';

/** When a sync runs by itself, in a few words. */
export function scheduleWords(schedule: Schemas['ScheduleView'] | null | undefined): string {
  if (!schedule) return 'only by hand';
  const { every_seconds, cron, timezone, after } = schedule;
  if (every_seconds) return `every ${duration(every_seconds)}`;
  if (cron) return `${cron} (${timezone ?? 'UTC'})`;
  return after ? `after ${after}` : 'only by hand';
}
