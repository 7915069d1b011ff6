import { describe, expect, test } from 'vitest';
import type { Run, Schemas, Sync } from '../../api/types';
import { type Known, needsOf } from './needs';

const RUN: Run = {
  id: 'run_1',
  sync_id: 'crm.contact',
  status: 'completed',
  trigger: 'schedule',
  type: 'sync',
  outcome: 'completed',
  created_at: '2026-01-01T10:00:00Z',
  started_at: '2026-01-01T10:00:00Z',
  completed_at: '2026-01-01T10:00:05Z',
  correlation_id: 'c',
  rows_processed: 100,
  rows_created: 0,
  rows_updated: 0,
  rows_deleted: 0,
  rows_failed: 0,
  rows_skipped: 100,
  rows_not_attempted: 0,
  rows_delete_failed: 0,
  dry_run: false,
  partially_written: false,
  duration_seconds: 5,
  phase: null,
  retry_of: null,
  error: null,
  run_at: null,
  end_reason: null,
  config_hash: 'h',
  limited: false,
};
const SYNC: Sync = {
  id: 'crm.contact',
  instance: 'crm',
  entity: 'contact',
  source: 'warehouse',
  target: 'crm',
  object: 'contact',
  write_mode: 'upsert',
  tags: [],
  state: 'active',
  held_runs: [],
  seeded: true,
  delivered: 100,
  pending: 0,
  dead_letters: 0,
  origin: 'file',
  last_run: RUN,
  uid: null,
  halted: null,
  schedule: null,
  next_run_at: null,
  cursor: null,
  cursor_column: null,
  batch_size: null,
  place: null,
  config_hash: 'h',
};
const NOTHING: Known = { syncs: [SYNC], held: [], guards: {}, trends: [], problems: [] };

function trend(changes: Partial<Schemas['TrendsView']>): Schemas['TrendsView'] {
  const point = {
    run_id: 'run_9',
    at: '2026-01-01T10:00:00Z',
    status: 'completed' as const,
    rows_processed: 100,
    rows_failed: 3,
    error_rate: 0.03,
    duration_seconds: 1,
    flags: [],
  };
  return {
    sync_id: 'crm.contact',
    points: [point],
    systematic_errors: false,
    review_first_errors: false,
    ...changes,
  };
}

describe('what waits for a person', () => {
  test('nothing does while all syncs go well', () => {
    expect(needsOf(NOTHING)).toEqual([]);
  });

  test('what stands still comes before what fails, and that before records left behind', () => {
    const needs = needsOf({
      ...NOTHING,
      syncs: [
        { ...SYNC, id: 'a.letters', dead_letters: 2 },
        { ...SYNC, id: 'a.failing', last_run: { ...RUN, status: 'source_failure' } },
        { ...SYNC, id: 'a.halted', state: 'halted', halted: { reason: 'why', since: '', failures: 3 } },
      ],
      held: [{ ...RUN, id: 'run_held', status: 'held' }],
      trends: [trend({ review_first_errors: true })],
    });
    expect(needs.map(({ kind }) => kind)).toEqual(['held', 'halted', 'failing', 'review', 'letters']);
    expect(needs[0]).toMatchObject({
      to: '/runs/$runId',
      params: { runId: 'run_held' },
      search: { tab: 'plan' },
    });
    expect(needs[4]).toMatchObject({ to: '/dead-letters', search: { sync: 'a.letters', state: 'open' } });
  });

  test('a held run tells the guard that holds it', () => {
    const held = [{ ...RUN, id: 'run_held', status: 'held' as const }];
    const [need] = needsOf({ ...NOTHING, held, guards: { run_held: '400 of 1,000 records would go' } });
    expect(need?.detail).toBe('400 of 1,000 records would go');
  });

  test('a halted sync is not told a second time as failing, and a failed test is no failure', () => {
    const failed = { ...RUN, status: 'failed' as const };
    const halted: Sync = { ...SYNC, state: 'halted', last_run: failed };
    const tested: Sync = { ...SYNC, last_run: { ...failed, dry_run: true } };
    expect(needsOf({ ...NOTHING, syncs: [halted, tested] }).map(({ kind }) => kind)).toEqual(['halted']);
  });

  test('errors are new or go on, not both', () => {
    const both = trend({ review_first_errors: true, systematic_errors: true });
    expect(needsOf({ ...NOTHING, trends: [both] }).map(({ kind }) => kind)).toEqual(['review']);
    const goingOn = trend({ systematic_errors: true });
    expect(needsOf({ ...NOTHING, trends: [goingOn] })[0]?.detail).toContain('3 of 100 rows failed');
  });

  test('errors of the configuration count, warnings do not', () => {
    const error = {
      code: 'invalid_config',
      message: 'no such column',
      at: 'syncs/crm.yaml:7:3',
      warning: false,
    };
    const needs = needsOf({ ...NOTHING, problems: [error, { ...error, warning: true }] });
    expect(needs.map(({ title }) => title)).toEqual(['The configuration has an error at syncs/crm.yaml:7:3']);
  });
});
