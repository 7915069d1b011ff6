/** Words about dead letters, the same on all their pages. */

export const STAGES = ['ingest', 'normalize', 'transform', 'execute', 'finalize'] as const;

const STAGE_WORDS: Record<string, string> = {
  ingest: 'Ingest',
  normalize: 'Normalize',
  transform: 'Transform',
  execute: 'Execute',
  finalize: 'Finalize',
};
export const STAGE_ABOUT: Record<string, string> = {
  ingest: 'The record is read from the source.',
  normalize: 'The source row is brought into its typed form.',
  transform: 'The mapping makes the payload of it.',
  execute: 'The payload is sent to the target.',
  finalize: 'The outcome is recorded.',
};

export function stageWord(stage: string): string {
  return STAGE_WORDS[stage] ?? stage;
}

const FLAGS: Record<string, { word: string; about: string }> = {
  may_have_been_written: {
    word: 'May have been written',
    about:
      'The target did not answer after the record was sent, so it may hold it already. Look there before you replay it: where the write mode is insert or append, sending it again could make a second one.',
  },
};

export function flag(name: string): { word: string; about: string } {
  return FLAGS[name] ?? { word: name, about: '' };
}

export const MODES = {
  reread: {
    word: 'Read again',
    about:
      'Asks the source for these keys and sends what it has now, as an ordinary run would. Right in most cases.',
  },
  as_captured: {
    word: 'As captured',
    about:
      'Sends the payload as it failed; no rows are read. Refused where something newer was delivered. The next run compares the row with it.',
  },
  edited: {
    word: 'As edited',
    about:
      'Sends the payload as somebody corrected it here. The record is then left alone until its source row changes.',
  },
} as const;

export type Mode = keyof typeof MODES;

/** What becomes of a letter from here on. */
export const NEXT: Record<string, string> = {
  open: 'It is tried again by itself: at once when its row or the mapping changes, otherwise after 1, 2, 4 … runs, at most a day. Once a run delivers the record, the letter is resolved.',
  replaying: 'A replay has it in hand. However that run ends, the letter is resolved or open afterwards.',
  resolved_auto: 'A later run delivered the record, or there is nothing to deliver any more.',
  resolved_replay: 'A replay delivered it.',
  resolved_user: 'Somebody closed it. If the record fails again, that is a new letter.',
  ignored: 'It is not tried again until its source row changes. A full run sends it all the same.',
  expired: 'Nobody settled it in the time that letters are kept. It goes with the next tidying.',
};
