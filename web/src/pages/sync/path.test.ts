import { expect, test } from 'vitest';
import type { Run } from '../../api/types';
import { pathOf, restlessFields } from './path';

let made = 0;

function run(part: Partial<Run>): Run {
  made += 1;
  return {
    id: `run_${made}`,
    sync_id: 'crm.contact',
    status: 'completed',
    outcome: 'completed',
    trigger: 'manual',
    type: 'test',
    started_at: null,
    completed_at: null,
    duration_seconds: null,
    phase: null,
    retry_of: null,
    error: null,
    run_at: null,
    end_reason: null,
    config_hash: 'h',
    limited: false,
    created_at: new Date(made * 1_000).toISOString(),
    correlation_id: 'c',
    rows_processed: 0,
    rows_created: 0,
    rows_updated: 0,
    rows_deleted: 0,
    rows_skipped: 0,
    rows_failed: 0,
    rows_not_attempted: 0,
    rows_delete_failed: 0,
    dry_run: false,
    partially_written: false,
    ...part,
  };
}

/** Oldest first, as they happen; the path takes them newest first. */
function path(...runs: Run[]) {
  return pathOf(runs.reverse());
}

test('a sync that never ran is looked at first', () => {
  expect(path().here).toBe('look');
  expect(path(run({ status: 'failed' })).here).toBe('look');
});

test('a test or a seed leads to writing once', () => {
  expect(path(run({ rows_created: 12 })).here).toBe('write');
  expect(path(run({ type: 'seed', rows_created: 12 })).here).toBe('write');
});

test('whoever wrote without looking has looked', () => {
  const written = run({ type: 'one_time' });
  expect(path(written)).toMatchObject({ here: 'prove', look: written, write: written });
});

test('a test before writing proves nothing, and one after it is not the first look', () => {
  const [look, write, prove] = [
    run({ rows_created: 3 }),
    run({ type: 'one_time', rows_created: 3 }),
    run({}),
  ];
  expect(path(look, write).here).toBe('prove');
  expect(path(look, write, prove)).toMatchObject({ here: 'activate', look, write, prove });
});

test('only a test without changes leads to activating', () => {
  const before = [run({ rows_created: 3 }), run({ type: 'one_time', rows_created: 3 })];
  expect(path(...before, run({ rows_updated: 1 })).here).toBe('prove');
  expect(path(...before, run({ rows_updated: 1 }), run({})).here).toBe('activate');
});

test('writing again asks for another proof', () => {
  const proved = [run({ type: 'one_time' }), run({})];
  expect(path(...proved).here).toBe('activate');
  expect(path(...proved, run({ type: 'sync' })).here).toBe('prove');
});

test('a run of some records only is no step', () => {
  expect(path(run({ limited: true })).here).toBe('look');
  expect(path(run({ type: 'one_time' }), run({ limited: true })).here).toBe('prove');
});

test('a replay of dead letters is no step', () => {
  expect(path(run({ type: 'replay', rows_updated: 3 })).here).toBe('look');
});

test('the first run with failed rows is remembered, and the run that goes on', () => {
  const first = run({ rows_failed: 2 });
  const held = run({ type: 'one_time', status: 'held' });
  expect(path(run({}), first, run({ rows_failed: 9 }), held)).toMatchObject({
    firstErrors: first,
    open: held,
  });
});

test('fields that keep changing are counted over updates only', () => {
  const seen = [{ field: 'seen_at', before: '1', after: '2' }];
  expect(
    restlessFields([
      { operation: 'create', fields: [{ field: 'email', before: null, after: 'a@b' }] },
      { operation: 'update', fields: [...seen, { field: 'email', before: 'a', after: 'a' }] },
      { operation: 'update', fields: [{ field: 'mrr', before: 1, after: 2 }, ...seen] },
    ]),
  ).toEqual([
    { field: 'seen_at', times: 2, before: '1', after: '2' },
    { field: 'mrr', times: 1, before: 1, after: 2 },
  ]);
});
