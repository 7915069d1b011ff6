const FLAGS: Record<string, string> = {
  rows_spike: 'More rows',
  rows_drop: 'Fewer rows',
  slower: 'Slower',
  error_rate_rise: 'More errors',
};

/** A sudden change in two words. */
export function flagWord(kind: string): string {
  return FLAGS[kind] ?? kind;
}
