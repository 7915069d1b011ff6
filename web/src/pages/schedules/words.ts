const OVERLAP: Record<string, { word: string; about: string }> = {
  queue_one: {
    word: 'Queue one',
    about: 'A fire during a run waits for its end; further ones are left out.',
  },
  skip: { word: 'Skip', about: 'A fire during a run is left out.' },
};

export function overlapWords(overlap: string): { word: string; about: string } {
  return OVERLAP[overlap] ?? { word: overlap, about: '' };
}

const REASONS: Record<string, string> = {
  overlap: 'A run was still going on',
  held: 'A held run waited for a decision',
  superseded: 'Another run came in its place',
  deactivated: 'The sync was deactivated',
};

/** Why a fire did not become a run. */
export function missedReason(reason: string | null | undefined): string {
  return (reason && REASONS[reason]) ?? reason ?? 'No reason is known';
}
