import { describe, expect, test } from 'vitest';
import { firesBetween, type Scheduled } from './fires';

const HOUR = 3_600_000;

function scheduled(sync_id: string, schedule: Partial<Scheduled['schedule']>, fires: number[]): Scheduled {
  return {
    sync_id,
    state: 'active',
    schedule: {
      every_seconds: null,
      cron: null,
      timezone: null,
      after: null,
      jitter_seconds: 0,
      overlap: 'queue_one',
      ...schedule,
    },
    next_run_at: null,
    next_fires: fires.map((at) => new Date(at).toISOString()),
    missed: [],
  };
}

describe('what fires in a stretch of time', () => {
  test('an interval goes on beyond the times that are known', () => {
    const sync = scheduled('a.b', { every_seconds: 3600 }, [HOUR, 2 * HOUR]);
    expect(firesBetween(sync, [sync], 0, 4.5 * HOUR)).toEqual({
      at: [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR],
      isEarliest: false,
      isCut: false,
    });
  });

  test('times of a cron expression are those that the server knows', () => {
    const sync = scheduled('a.b', { cron: '0 * * * *' }, [HOUR, 30 * HOUR]);
    expect(firesBetween(sync, [sync], 0, 24 * HOUR).at).toEqual([HOUR]);
  });

  test('a cron expression that fires often is known to go on beyond the ten times that are named', () => {
    const named = Array.from({ length: 10 }, (_, n) => (n + 1) * HOUR);
    const often = scheduled('a.often', { cron: '0 * * * *' }, named);
    const follower = scheduled('a.follower', { after: 'a.often' }, []);
    expect(firesBetween(often, [often], 0, 24 * HOUR).isCut).toBe(true);
    expect(firesBetween(follower, [often, follower], 0, 24 * HOUR).isCut).toBe(true);
    expect(firesBetween(often, [often], 0, 10 * HOUR).isCut).toBe(false);
  });

  test('a sync that follows others fires when the first of them does, at the earliest', () => {
    const first = scheduled('a.first', { every_seconds: 3600 }, [HOUR]);
    const second = scheduled('a.second', { after: 'a.first' }, []);
    const third = scheduled('a.third', { after: 'a.second' }, []);
    expect(firesBetween(third, [first, second, third], 0, 2 * HOUR)).toEqual({
      at: [HOUR, 2 * HOUR],
      isEarliest: true,
      isCut: false,
    });
  });

  test('nothing fires after a sync that is inactive, and a circle ends', () => {
    const first = { ...scheduled('a.first', { every_seconds: 3600 }, [HOUR]), state: 'inactive' as const };
    const second = scheduled('a.second', { after: 'a.first' }, []);
    expect(firesBetween(second, [first, second], 0, 2 * HOUR).at).toEqual([]);
    const own = scheduled('a.own', { after: 'a.own' }, []);
    expect(firesBetween(own, [own], 0, 2 * HOUR).at).toEqual([]);
  });
});
