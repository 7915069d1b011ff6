import { expect, test } from 'vitest';
import type { RunDetail } from '../api/types';
import { figuresOf } from './figures';
import { panelWord, verdict, worked } from './verdict';

const base = {
  status: 'completed',
  phase: null,
  dry_run: false,
  partially_written: false,
  started_at: '2026-01-01T00:00:00Z',
  completed_at: '2026-01-01T00:04:23Z',
  timeline: [
    { phase: 'extracting', label: '', started_at: '', ended_at: '' },
    { phase: 'writing', label: '', started_at: '', ended_at: '' },
  ],
  guards: [],
  skipped: {},
  rows_processed: 15_432,
  rows_created: 1_205,
  rows_updated: 13_891,
  rows_deleted: 0,
  rows_failed: 336,
  rows_skipped: 0,
  rows_not_attempted: 0,
  rows_delete_failed: 0,
} as unknown as RunDetail;
const said = (change: object) => {
  const run = { ...base, ...change } as RunDetail;
  return verdict(run, figuresOf(run, undefined));
};
const nothing = { rows_created: 0, rows_updated: 0, rows_failed: 0 };

test('a completed run is told in figures', () => {
  expect(said({})).toBe('Completed in 4m 23s: 15,432 rows read, 1,205 created, 13,891 updated, 336 failed.');
});

test('a run that was held is told by the time in which it worked', () => {
  expect(said({ duration_seconds: 12 })).toMatch(/^Completed in 12s: /);
  const times = { started_at: '2026-01-01T00:00:00Z', completed_at: '2026-01-01T00:00:00.400Z' };
  expect(worked({ status: 'completed', ...times, duration_seconds: 0 })).toBe('400ms');
  expect(worked({ ...base, status: 'held', completed_at: null, duration_seconds: 7 })).toBe('7s');
  expect(worked({ ...base, status: 'running', completed_at: null, duration_seconds: 7 })).toBeNull();
  // Whole seconds are known of it: none is less than one, not nothing.
  expect(worked({ ...base, status: 'held', completed_at: null, duration_seconds: 0 })).toBe('<1s');
  expect(said({ duration_seconds: 0 })).toMatch(/^Completed in <1s: /);
});

test('a run that changed nothing says so, and only of unchanged records that they are the same', () => {
  const unchanged = { ...nothing, rows_skipped: 15_432, skipped: { unchanged: 15_432 } };
  expect(said(unchanged)).toMatch(/nothing to change: the target has them as they are\.$/);
  expect(said({ ...unchanged, skipped: { excluded: 15_432 } })).toMatch(/and all were skipped\.$/);
});

test('a test tells what would be, and that nothing was written', () => {
  expect(said({ dry_run: true, rows_deleted: 3 })).toBe(
    'Test completed in 4m 23s: of 15,432 rows read, 1,205 would be created, 13,891 updated, 3 deleted. ' +
      '336 rows would fail. Nothing was written.',
  );
});

test('a failure says how far it came, and exactly what it left behind', () => {
  expect(said({ status: 'failed' })).toBe('Failed after 4m 23s while writing. Nothing was written.');
  expect(said({ status: 'failed', partially_written: true, rows_updated: 0, rows_not_attempted: 7 })).toBe(
    'Failed after 4m 23s while writing. Partially written: 1,205 created and remembered. ' +
      '7 rows were not attempted; the next run goes on with them.',
  );
});

test('a cancelled run is told by the phase in which it was cancelled', () => {
  const timeline = [...base.timeline, { phase: 'finalizing', label: '', started_at: '', ended_at: '' }];
  expect(said({ status: 'cancelled', timeline })).toMatch(/^Cancelled after 4m 23s while writing\./);
  expect(said({ status: 'cancelled', end_reason: 'rejected' })).toBe('Rejected. Nothing was written.');
});

test('a held run names its guards and its plan', () => {
  const guards = [{ guard: 'max_deletes', tripped: true, message: '', sample: [] }];
  expect(said({ status: 'held', guards, ...nothing, rows_deleted: 351 })).toBe(
    'Held by max_deletes. Nothing was written. It would delete 351 records.',
  );
});

test('a run that never ran says why', () => {
  expect(said({ status: 'not_run', end_reason: 'overlap' })).toMatch(/another run of the sync/);
  expect(said({ status: 'not_run', end_reason: 'cancelled' })).toMatch(/cancelled before it was due/);
});

test('the panel has the words of a followed run', () => {
  const word = (change: object) => panelWord(figuresOf({ ...base, ...change } as RunDetail, undefined));
  expect(word({})).toBe('Partial success');
  expect(word({ rows_failed: 0 })).toBe('Succeeded');
  expect(word({ status: 'source_failure' })).toBe('Failed');
  expect(word({ status: 'running', phase: 'extracting' })).toBe('Extracting');
  expect(word({ status: 'running', phase: 'writing' })).toBe('In progress');
});
