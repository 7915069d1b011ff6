import type { Schemas } from '../../api/types';

export type Point = Schemas['TrendPoint'];
export type FlagKind = 'rows' | 'errors' | 'duration';

/** Which chart a sudden change belongs to. */
export function kindOf(flag: Schemas['TrendFlag']): FlagKind {
  if (flag.kind === 'error_rate_rise') return 'errors';
  return flag.kind === 'slower' ? 'duration' : 'rows';
}

/** What is usual: half of the values are below it. */
export function median(values: number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** The end of an axis: the next of 1, 2 and 5 times a power of ten. */
export function axisEnd(highest: number): number {
  if (highest <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return ([1, 2, 5].find((step) => step * power >= highest) ?? 10) * power;
}

interface Jumps {
  kind: Schemas['TrendFlag']['kind'];
  causes: string[];
  /** Newest first. */
  runs: { point: Point; message: string }[];
}

/** Sudden changes by kind, those with the newest run first. */
export function jumpsOf(points: Point[]): Jumps[] {
  const found = new Map<string, Jumps>();
  for (const point of points) {
    for (const { kind, message, likely_causes } of point.flags) {
      const jumps = found.get(kind) ?? { kind, causes: likely_causes, runs: [] };
      jumps.runs.push({ point, message });
      found.set(kind, jumps);
    }
  }
  return [...found.values()];
}
