import { describe, expect, test } from 'vitest';
import type { Schemas } from '../../api/types';
import { type Known, needsOf } from './needs';

const CALM: Known = {
  attention: { held: [], halted: [], failing: [], review: [], dead_letters: [] },
  trends: [],
  problems: [],
};
const AT = '2026-01-01T10:00:00Z';

function trend(sync_id: string, systematic_errors: boolean): Schemas['TrendsView'] {
  const point = {
    run_id: 'run_9',
    at: AT,
    status: 'completed' as const,
    rows_processed: 100,
    rows_failed: 3,
    error_rate: 0.03,
    duration_seconds: 1,
    flags: [],
  };
  return { sync_id, points: [point], systematic_errors, review_first_errors: false };
}

describe('what waits for a person', () => {
  test('nothing does while all is calm', () => {
    expect(needsOf({ ...CALM, trends: [trend('a.calm', false)] })).toEqual([]);
  });

  test('what stands still comes before what fails and is told once, then come records left behind', () => {
    const needs = needsOf({
      ...CALM,
      attention: {
        held: [
          {
            run_id: 'run_held',
            sync_id: 'a.held',
            reasons: ['36 removals planned', 'an empty model'],
            rows_created: 0,
            rows_updated: 0,
            rows_deleted: 36,
            held_at: AT,
          },
        ],
        halted: [{ sync_id: 'a.halted', reason: '3 runs failed', since: AT, failures: 3 }],
        failing: [
          { sync_id: 'a.failing', run_id: 'run_f', status: 'source_failure', completed_at: AT, error: null },
          { sync_id: 'a.halted', run_id: 'run_h', status: 'failed', completed_at: AT, error: null },
        ],
        review: [{ sync_id: 'a.review', run_id: 'run_r', rows_failed: 1, completed_at: AT }],
        dead_letters: [{ sync_id: 'a.letters', open: 2 }],
      },
    });
    expect(needs.map(({ kind }) => kind)).toEqual(['held', 'halted', 'failing', 'review', 'letters']);
    expect(needs[0]).toMatchObject({
      detail: '36 removals planned; an empty model',
      to: '/runs/$runId',
      params: { runId: 'run_held' },
      search: { tab: 'plan' },
    });
    expect(needs[3]).toMatchObject({ params: { runId: 'run_r' }, search: { tab: 'errors' } });
    expect(needs[4]).toMatchObject({ to: '/dead-letters', search: { sync: 'a.letters', state: 'open' } });
  });

  test('errors are new or go on, not both', () => {
    const review = [{ sync_id: 'a.new', run_id: 'run_r', rows_failed: 3, completed_at: AT }];
    const needs = needsOf({
      ...CALM,
      attention: { ...CALM.attention, review },
      trends: [trend('a.new', true), trend('a.old', true)],
    });
    expect(needs.map(({ title }) => title)).toEqual([
      'a.new has errors for the first time',
      'a.old has errors in every run',
    ]);
    expect(needs[1]?.detail).toContain('last 3 of 100 rows');
  });

  test('errors of the configuration count, warnings do not', () => {
    const error = {
      code: 'invalid_config',
      message: 'no such column',
      at: 'a.yaml:7:3',
      warning: false,
    };
    const needs = needsOf({ ...CALM, problems: [error, { ...error, warning: true }] });
    expect(needs.map(({ title }) => title)).toEqual(['The configuration has an error at a.yaml:7:3']);
  });
});
