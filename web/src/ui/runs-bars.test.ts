import { expect, test } from 'vitest';
import type { Schemas } from '../api/types';
import { barsOf, niceTop } from './runs-bars';

const HOUR = 3_600_000;
const at = (hours: number) => new Date(hours * HOUR).toISOString();

test('each period up to now has a bar, also those at the end without runs', () => {
  const periods: Schemas['PeriodView'][] = [
    { start: at(0.5), by_status: { completed: 3, failed: 1, source_failure: 2 } },
    { start: at(1), by_status: { cancelled: 1, not_run: 4 } },
  ];
  const bars = barsOf({ since: at(0.5), window: '24h', periods }, 3.25 * HOUR);
  expect(bars).toEqual([
    { start: 0.5 * HOUR, end: HOUR, completed: 3, failed: 3, other: 0 },
    { start: HOUR, end: 2 * HOUR, completed: 0, failed: 0, other: 5 },
    { start: 2 * HOUR, end: 3 * HOUR, completed: 0, failed: 0, other: 0 },
    { start: 3 * HOUR, end: 3.25 * HOUR, completed: 0, failed: 0, other: 0 },
  ]);
});

test('without any run there are bars of nothing', () => {
  const bars = barsOf({ since: at(0), window: '24h', periods: [] }, 24 * HOUR);
  expect(bars).toHaveLength(24);
  expect(bars.every((bar) => bar.completed + bar.failed + bar.other === 0)).toBe(true);
});

test('the first bar is cut off, the others begin with whole hours', () => {
  const only: Schemas['PeriodView'][] = [{ start: at(0.5), by_status: { completed: 1 } }];
  for (const periods of [only, []]) {
    const bars = barsOf({ since: at(0.5), window: '24h', periods }, 3.25 * HOUR);
    expect(bars.map(({ start }) => start / HOUR)).toEqual([0.5, 1, 2, 3]);
    expect(bars.at(-1)?.end).toBe(3.25 * HOUR);
  }
});

test.each([
  [0, 1],
  [1, 1],
  [3, 4],
  [9, 10],
  [10, 10],
  [11, 20],
  [85, 100],
  [410, 600],
])('a scale up to %i ends with %i', (highest, top) => {
  expect(niceTop(highest)).toBe(top);
});
