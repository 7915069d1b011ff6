import { expect, test } from 'vitest';
import type { RunDetail } from '../../api/types';
import { stretches } from './timeline';

const second = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
const run = {
  status: 'completed',
  created_at: second(0),
  started_at: second(1),
  timeline: [
    { phase: 'extracting', label: '', started_at: second(1), ended_at: second(5) },
    { phase: 'writing', label: '', started_at: second(5), ended_at: second(11) },
  ],
} as unknown as RunDetail;

test('phases follow each other and fill the picture', () => {
  const { all, isCut } = stretches(run, 0);
  expect(all.map(({ lane }) => lane)).toEqual(['waiting', 'extracting', 'writing']);
  expect(all[1]?.left).toBeCloseTo(1 / 11);
  expect(all.reduce((sum, { width }) => sum + width, 0)).toBeCloseTo(1);
  expect(isCut).toBe(false);
});

test('a long wait for a decision does not hide the work', () => {
  const held = {
    ...run,
    timeline: [
      { phase: 'extracting', label: '', started_at: second(1), ended_at: second(5) },
      { phase: 'writing', label: '', started_at: second(90_005), ended_at: second(90_009) },
    ],
  } as unknown as RunDetail;
  const { all, isCut } = stretches(held, 0);
  const waits = all.filter(({ lane }) => lane === 'waiting');
  expect(isCut).toBe(true);
  expect(waits).toHaveLength(2);
  expect(waits.reduce((sum, { width }) => sum + width, 0)).toBeCloseTo(0.25);
});

test('a rejected run waited up to its end', () => {
  const rejected = { ...run, status: 'cancelled', completed_at: second(9_000) } as unknown as RunDetail;
  const last = stretches(rejected, 0).all.at(-1);
  expect(last?.lane).toBe('waiting');
  expect((last?.to ?? 0) - (last?.from ?? 0)).toBe(8_989_000);
});

test('what goes on reaches up to now', () => {
  const going = {
    ...run,
    status: 'running',
    timeline: [{ phase: 'extracting', label: '', started_at: second(1), ended_at: null }],
  } as unknown as RunDetail;
  const { all } = stretches(going, new Date(second(9)).getTime());
  expect(all.at(-1)).toMatchObject({ lane: 'extracting', isOpen: true });
  expect(all.at(-1)?.width).toBeCloseTo(8 / 9);
});

test('a run that was scheduled long ago waited only from when it was due', () => {
  const scheduled = { ...run, created_at: second(-9_000), run_at: second(0) } as unknown as RunDetail;
  expect(stretches(scheduled, 0).all[0]?.width).toBeCloseTo(1 / 11);
});
