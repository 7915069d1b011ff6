import {
  type Icon,
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleX,
  IconEraser,
  IconFlag,
  IconMinus,
  IconPencil,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import classes from './status.module.css';

const OPERATIONS: Record<string, { word: string; icon: Icon }> = {
  create: { word: 'Create', icon: IconPlus },
  update: { word: 'Update', icon: IconPencil },
  append: { word: 'Append', icon: IconPlus },
  delete: { word: 'Delete', icon: IconTrash },
  clear: { word: 'Clear fields', icon: IconEraser },
  flag: { word: 'Flag', icon: IconFlag },
};
const RESULTS: Record<string, { word: string; icon: Icon; color: string }> = {
  created: { word: 'Created', icon: IconCircleCheck, color: 'var(--state-completed)' },
  updated: { word: 'Updated', icon: IconCircleCheck, color: 'var(--state-completed)' },
  removed: { word: 'Removed', icon: IconCircleCheck, color: 'var(--state-completed)' },
  exists: { word: 'Was there before', icon: IconMinus, color: 'var(--state-muted)' },
  absent: { word: 'Not at the target', icon: IconMinus, color: 'var(--state-muted)' },
  rejected: { word: 'Rejected', icon: IconCircleX, color: 'var(--state-failed)' },
  unknown: { word: 'Not known', icon: IconAlertTriangle, color: 'var(--state-partial)' },
  failed: { word: 'Failed', icon: IconCircleX, color: 'var(--state-failed)' },
  planned: { word: 'Planned', icon: IconMinus, color: 'var(--state-held)' },
  'not attempted': { word: 'Not attempted', icon: IconMinus, color: 'var(--state-muted)' },
};

const options = (words: Record<string, { word: string }>) =>
  Object.entries(words).map(([value, { word }]) => ({ value, label: word }));
export const OPERATION_OPTIONS = options(OPERATIONS);
export const RESULT_OPTIONS = options(RESULTS).filter(({ value }) => value !== 'failed');

/** What was to be done with a record. */
export function Operation({ of }: { of: string }) {
  const { word, icon: Sign } = OPERATIONS[of] ?? { word: of, icon: IconMinus };
  return (
    <span className={classes.mark}>
      <Sign size={15} stroke={1.8} aria-hidden />
      {word}
    </span>
  );
}

/** What became of it. */
export function Result({ of }: { of: string }) {
  const { word, icon: Sign, color } = RESULTS[of] ?? { word: of, icon: IconMinus, color: 'inherit' };
  return (
    <span className={classes.mark}>
      <Sign size={15} stroke={1.8} color={color} aria-hidden />
      {word}
    </span>
  );
}
