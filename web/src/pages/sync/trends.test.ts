import { expect, test } from 'vitest';
import { axisEnd, jumpsOf, kindOf, median, type Point } from './trends';

test('what is usual is the middle, not the average', () => {
  expect(median([])).toBeUndefined();
  expect(median([3, 1, 1_000])).toBe(3);
  expect(median([4, 2, 1, 1_000])).toBe(3);
});

test('each sudden change belongs to one chart', () => {
  const kinds = ['rows_spike', 'rows_drop', 'slower', 'error_rate_rise'] as const;
  expect(kinds.map((kind) => kindOf({ kind, message: '', likely_causes: [] }))).toEqual([
    'rows',
    'rows',
    'duration',
    'errors',
  ]);
});

test('an axis ends at a round figure', () => {
  expect([0, 0.013, 0.5, 1, 642, 5_001].map(axisEnd)).toEqual([1, 0.02, 0.5, 1, 1_000, 10_000]);
});

test('sudden changes of a kind stand together, with their causes once', () => {
  const point = (run_id: string, ...kinds: Point['flags'][number]['kind'][]): Point => ({
    run_id,
    at: '2026-01-01T00:00:00Z',
    status: 'completed',
    rows_processed: 1,
    rows_failed: 0,
    error_rate: 0,
    duration_seconds: 1,
    flags: kinds.map((kind) => ({ kind, message: `${kind} of ${run_id}`, likely_causes: [kind] })),
  });
  const found = jumpsOf([point('run_3', 'slower'), point('run_2'), point('run_1', 'rows_drop', 'slower')]);
  expect(found.map(({ kind, causes, runs }) => [kind, causes, runs.map(({ message }) => message)])).toEqual([
    ['slower', ['slower'], ['slower of run_3', 'slower of run_1']],
    ['rows_drop', ['rows_drop'], ['rows_drop of run_1']],
  ]);
});
