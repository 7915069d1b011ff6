const FLAGS: Record<string, string> = {
  rows_spike: 'Many more rows',
  rows_drop: 'Many fewer rows',
  slower: 'Much slower',
  error_rate_rise: 'More errors',
};

/** A sudden change in two words. */
export function flagWord(kind: string): string {
  return FLAGS[kind] ?? kind;
}
