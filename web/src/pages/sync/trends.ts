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
