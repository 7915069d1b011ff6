import type { Schemas } from '../api/types';
import { cronWords } from './cron';
import { duration } from './format';

type Schedule = Schemas['ScheduleView'];

/** When a sync runs by itself, in a few words, with the zone where there is one. */
export function scheduleWords(schedule: Schedule | null | undefined): string {
  if (!schedule) return 'only by hand';
  const pace = paceWords(schedule);
  return schedule.cron ? `${pace} (${schedule.timezone ?? 'UTC'})` : pace;
}

/** The same without the zone: `every 15m`, `daily at 06:00`, `after crm.company`. */
export function paceWords({ every_seconds, cron, after }: Schedule): string {
  if (every_seconds) return `every ${duration(every_seconds)}`;
  if (cron) return cronWords(cron) ?? cron;
  return after ? `after ${after}` : 'only by hand';
}
