import { expect, test } from 'vitest';
import type { Figures } from './figures';
import { stagesOf } from './stages';

const figures: Figures = {
  status: 'running',
  phase: 'writing',
  total: 100,
  success: 20,
  created: 20,
  updated: 0,
  skipped: 10,
  failed: 5,
  deleted: 2,
  planned: 90,
  sent: 25,
};
const states = (all: ReturnType<typeof stagesOf>) => all.map(({ state }) => state).join(' ');

test('a running run has stages behind it, at work and ahead', () => {
  const all = stagesOf(figures, null, false);
  expect(states(all)).toBe('done done done active waiting');
  expect(all.map(({ figure }) => figure)).toEqual([100, 100, 90, 25, null]);
});

test('a test never comes to the stages that write', () => {
  const tested = { ...figures, status: 'completed' as const, phase: null, planned: null, sent: null };
  expect(states(stagesOf(tested, 'detecting_changes', true))).toBe('done done done waiting waiting');
});

test('a run that ended while writing says how much was sent of how much, and what failed where', () => {
  const ended = { ...figures, status: 'cancelled' as const, phase: null, planned: null, sent: null };
  const all = stagesOf(ended, 'writing', false, {
    failedAt: { transform: 2, execute: 3 },
    notAttempted: 65,
    wasHeld: false,
  });
  expect(states(all)).toBe('done done done stopped done');
  expect(all.map(({ figure }) => figure)).toEqual([100, 100, 90, 25, 22]);
  expect(all.map(({ failed }) => failed)).toEqual([0, 0, 2, 3, 0]);
});

test('a held run has written nothing', () => {
  const held = { ...figures, status: 'held' as const, phase: null, planned: null, sent: null };
  const all = stagesOf(held, 'detecting_changes', false);
  expect(states(all)).toBe('done done done waiting waiting');
  expect(all.map(({ figure }) => figure)).toEqual([100, 100, 22, null, null]);
});

test('a source that failed stops the run at its first stage', () => {
  const none = {
    ...figures,
    status: 'source_failure' as const,
    total: 0,
    success: 0,
    created: 0,
    updated: 0,
    deleted: 0,
    planned: null,
  };
  expect(states(stagesOf(none, 'extracting', false))).toBe('stopped waiting waiting waiting waiting');
});
