import { useEffect, useRef, useState } from 'react';
import { api } from '../api/client';
import { useProgress } from '../api/live';
import type { Progress, Run, RunDetail } from '../api/types';

type Phase = NonNullable<Run['phase']>;

/** The phases in the order of a run's life. */
const PHASES: Phase[] = ['extracting', 'detecting_changes', 'writing', 'finalizing'];

function later(a: Phase | null | undefined, b: Phase | null | undefined): Phase | null {
  return PHASES.findLast((phase) => phase === a || phase === b) ?? null;
}

const LIVE = ['queued', 'starting', 'running'];
const OVER = ['completed', 'failed', 'source_failure', 'cancelled', 'not_run'];

/** The run waits for its turn or goes on. */
export function isLive(status: string): boolean {
  return LIVE.includes(status);
}

/** Nothing about the run changes any more. */
export function isOver(status: string): boolean {
  return OVER.includes(status);
}

/** What the run's counters tell was not done, but would be. */
export function isPlan(run: Run): boolean {
  return run.dry_run || run.status === 'held';
}

/** What a run did up to now, from its live figures or, when it ended, from its record. */
export interface Figures {
  status: Run['status'];
  phase: Phase | null;
  /** Null as long as nothing is known. */
  total: number | null;
  success: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  deleted: number;
  /** Changes that the plan holds and that were sent; null where nobody counts them. */
  planned: number | null;
  sent: number | null;
}

/**
 * While a run goes on, its record holds what is planned; what was done is in the live figures alone.
 * So a running run without them has no figures yet.
 */
export function figuresOf(run: Run, progress: Progress | undefined): Figures {
  if (isLive(run.status)) {
    return {
      status: progress?.status ?? run.status,
      phase: later(progress?.phase, run.phase),
      // A run that goes on after its approval reads nothing again: its plan knows how many rows there are.
      total: progress
        ? progress.total_discovered || (run.phase === 'writing' ? run.rows_processed : 0)
        : null,
      success: progress?.success ?? 0,
      created: progress?.created ?? 0,
      updated: progress?.updated ?? 0,
      skipped: progress?.skipped ?? 0,
      failed: progress?.failed ?? 0,
      deleted: progress?.deleted ?? 0,
      planned: progress?.planned ?? null,
      sent: progress?.sent ?? null,
    };
  }
  return {
    status: run.status,
    phase: null,
    total: run.rows_processed,
    success: run.rows_created + run.rows_updated,
    created: run.rows_created,
    updated: run.rows_updated,
    skipped: run.rows_skipped,
    failed: run.rows_failed,
    deleted: run.rows_deleted,
    planned: null,
    sent: null,
  };
}

/** The share of the records that are done with, 0 to 1; null while the total is not known. */
export function shareDone(figures: Figures): number | null {
  if (isOver(figures.status)) return 1;
  if (!figures.total || figures.phase === 'extracting') return null;
  return Math.min(1, (figures.success + figures.skipped + figures.failed) / figures.total);
}

/** A record that is behind its figures is read again after this time, in milliseconds. */
const REREAD_AFTER = 700;
/** Rates are taken over this time, in milliseconds. */
const RATE_OVER = 8_000;

interface Sample {
  at: number;
  phase: string | null;
  done: number;
}

/** What moves in this phase: rows that are read, then changes that are sent. */
function moving(figures: Figures): number {
  return figures.phase === 'writing' ? (figures.sent ?? 0) : (figures.total ?? 0);
}

/** The samples that a rate is taken from: those of the phase, and of the old ones only the last. */
export function kept(samples: Sample[], next: Sample): Sample[] {
  const same = samples.filter((sample) => sample.phase === next.phase);
  const old = same.findLastIndex((sample) => next.at - sample.at > RATE_OVER);
  return [...same.slice(Math.max(0, old)), next];
}

/** Records per second between the first and the last sample of the same phase. */
export function rateOf(samples: Sample[]): number | null {
  const last = samples.at(-1);
  const first = samples[0];
  if (!last || !first || last.at - first.at < 500 || last.done <= first.done) return null;
  return ((last.done - first.done) * 1000) / (last.at - first.at);
}

/** Seconds that the writes still take at this rate. */
export function secondsLeft(figures: Figures, rate: number | null): number | null {
  const { phase, planned, sent } = figures;
  if (phase !== 'writing' || !rate || planned === null || sent === null) return null;
  return Math.max(0, planned - sent) / rate;
}

export interface LiveRun {
  run: RunDetail | undefined;
  figures: Figures | undefined;
  /** Records per second now; null when nothing can be said. */
  rate: number | null;
  /** Seconds. */
  left: number | null;
  error: unknown;
  refetch: () => void;
}

/** A run that is followed: its record, and its figures as they change. */
export function useLiveRun(runId: string): LiveRun {
  const query = api.useQuery('get', '/api/v1/runs/{run_id}', { params: { path: { run_id: runId } } });
  const told = useProgress(runId);
  // Figures end with the event; the record is read a moment later. Until then the last ones stay.
  const latest = useRef<Progress>(undefined);
  if (told) latest.current = told;
  if (latest.current?.run_id !== runId) latest.current = undefined;
  const run = query.data;
  const figures = run && figuresOf(run, latest.current ?? run.progress ?? undefined);

  // The record may be read a moment before it says what the figures tell already.
  const { refetch, dataUpdatedAt } = query;
  const isBehind = run?.status === 'running' && later(told?.phase, run.phase) !== (run.phase ?? null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again after each answer that is behind
  useEffect(() => {
    if (!isBehind) return;
    const again = setTimeout(() => void refetch(), REREAD_AFTER);
    return () => clearTimeout(again);
  }, [isBehind, dataUpdatedAt, refetch]);

  const samples = useRef<Sample[]>([]);
  const [rate, setRate] = useState<number | null>(null);
  const phase = figures?.phase ?? null;
  const done = figures ? moving(figures) : 0;
  useEffect(() => {
    const now = performance.now();
    samples.current = kept(samples.current, { at: now, phase, done });
    setRate(rateOf(samples.current));
  }, [phase, done]);

  return {
    run,
    figures,
    rate,
    left: figures ? secondsLeft(figures, rate) : null,
    error: query.error,
    refetch: () => void refetch(),
  };
}
