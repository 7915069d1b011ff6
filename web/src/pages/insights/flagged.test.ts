import { expect, test } from 'vitest';
import type { Schemas } from '../../api/types';
import { changesOf } from './flagged';

const NOON = '2026-01-01T12:00:00Z';

function point(changes: Partial<Schemas['TrendPoint']>): Schemas['TrendPoint'] {
  return {
    run_id: 'run_1',
    at: NOON,
    status: 'completed',
    rows_processed: 100,
    rows_failed: 0,
    error_rate: 0,
    duration_seconds: 10,
    flags: [],
    ...changes,
  };
}

test('sudden changes of all syncs stand in the order of time', () => {
  const flag = {
    kind: 'slower' as const,
    message: 'took 9 s, usually 2 s',
    likely_causes: ['an index is gone'],
  };
  const trend = (sync_id: string, points: Schemas['TrendPoint'][]) => ({
    sync_id,
    points,
    systematic_errors: false,
    review_first_errors: false,
  });
  const changes = changesOf(
    [
      trend('a.a', [
        point({ run_id: 'run_a', flags: [flag] }),
        point({ at: '2025-01-01T00:00:00Z', flags: [flag] }),
      ]),
      trend('b.b', [point({ run_id: 'run_b', at: '2026-01-01T13:00:00Z', flags: [flag] }), point({})]),
    ],
    NOON,
  );
  expect(changes.map(({ runId }) => runId)).toEqual(['run_b', 'run_a']);
});
