import { expect, test } from 'vitest';
import { kindOf, median } from './trends';

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
