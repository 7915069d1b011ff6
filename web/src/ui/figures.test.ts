import { expect, test } from 'vitest';
import type { Progress, Run } from '../api/types';
import { figuresOf, kept, rateOf, secondsLeft, shareDone } from './figures';

const run = {
  status: 'running',
  phase: 'writing',
  rows_processed: 100,
  rows_created: 90,
  rows_updated: 10,
  rows_skipped: 0,
  rows_failed: 0,
  rows_deleted: 0,
} as unknown as Run;
const progress: Progress = {
  run_id: 'run_1',
  status: 'running',
  phase: 'writing',
  total_discovered: 100,
  success: 20,
  skipped: 5,
  failed: 1,
  deleted: 3,
  planned: 95,
  sent: 24,
  created: 20,
  updated: 0,
};

test('what a running run plans is not shown as done', () => {
  expect(figuresOf(run, undefined)).toMatchObject({ total: null, success: 0 });
  expect(figuresOf(run, progress)).toMatchObject({ total: 100, success: 20, sent: 24 });
});

test('a run that was approved has the rows of its plan', () => {
  expect(figuresOf(run, { ...progress, total_discovered: 0 }).total).toBe(100);
});

test('the record of a run that ended counts, whatever was heard last', () => {
  const ended = { ...run, status: 'completed' as const };
  expect(figuresOf(ended, progress)).toMatchObject({ total: 100, success: 100, status: 'completed' });
  expect(shareDone(figuresOf(ended, progress))).toBe(1);
});

test('how much is done is not known while the source is read', () => {
  expect(
    shareDone(figuresOf({ ...run, phase: 'extracting' }, { ...progress, phase: 'extracting' })),
  ).toBeNull();
  expect(shareDone(figuresOf(run, progress))).toBeCloseTo(0.26);
});

test('a rate is taken within one phase, over the last seconds', () => {
  let samples = kept([], { at: 0, phase: 'extracting', done: 9_000 });
  samples = kept(samples, { at: 1_000, phase: 'writing', done: 0 });
  expect(rateOf(samples)).toBeNull();
  samples = kept(samples, { at: 3_000, phase: 'writing', done: 500 });
  expect(rateOf(samples)).toBe(250);
  samples = kept(samples, { at: 23_000, phase: 'writing', done: 2_500 });
  expect(rateOf(samples)).toBe(100);
  expect(secondsLeft(figuresOf(run, progress), 10)).toBeCloseTo(7.1);
});
