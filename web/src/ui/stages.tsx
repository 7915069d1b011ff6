import { Tooltip } from '@mantine/core';
import { IconArrowRight, IconCheck, IconX } from '@tabler/icons-react';
import { Fragment } from 'react';
import type { Figures } from './figures';
import { isOver } from './figures';
import { count } from './format';
import classes from './stages.module.css';

type State = 'waiting' | 'active' | 'done' | 'stopped';

interface Stage {
  name: string;
  what: string;
  state: State;
  /** What passed it, and the word for that. */
  figure: number | null;
  word: string;
}

/** How far each phase has come: the number of stages that are behind. */
const BEHIND: Record<string, number> = { extracting: 0, detecting_changes: 1, writing: 3, finalizing: 4 };
/** Stages that work at the same time. */
const ACTIVE: Record<string, number[]> = {
  extracting: [0],
  detecting_changes: [1, 2],
  writing: [3],
  finalizing: [4],
};

/** The five stages of a run's records. `reached` is the last phase of a run that ended. */
export function stagesOf(figures: Figures, reached: string | null, isTest: boolean): Stage[] {
  const over = isOver(figures.status) || figures.status === 'held';
  const phase = over ? reached : figures.phase;
  const isWhole = figures.status === 'completed';
  const isHeld = figures.status === 'held';
  const behind = phase === null ? 0 : (BEHIND[phase] ?? 0);
  const state = (n: number): State => {
    if (isTest && n > 2) return 'waiting';
    if (isWhole) return 'done';
    if (phase === null) return 'waiting';
    if (isHeld) return n < 3 ? 'done' : 'waiting';
    if (n < behind) return 'done';
    if (!ACTIVE[phase]?.includes(n)) return 'waiting';
    return over ? 'stopped' : 'active';
  };
  const passed = (n: number, figure: number | null) => (state(n) === 'waiting' ? null : figure);
  const total = figures.total;
  const settled = figures.success + figures.deleted;
  const stage = (n: number, name: string, what: string, figure: number | null, word: string) => ({
    name,
    what,
    state: state(n),
    figure: passed(n, figure),
    word,
  });
  return [
    stage(0, 'Ingest', 'The record is read from the source and queued for processing.', total, 'read'),
    stage(
      1,
      'Normalize',
      'The raw record is brought into the canonical form and compared with what was delivered before.',
      total === null ? null : total,
      'compared',
    ),
    stage(
      2,
      'Transform',
      'The record is shaped into what the target expects: mappings and value transformers.',
      figures.planned ?? (isTest || isWhole || isHeld ? settled : null),
      isTest || isHeld ? 'would be sent' : 'to send',
    ),
    stage(
      3,
      'Execute',
      'The payload is sent to the target. Most failures happen here.',
      figures.sent ?? (isWhole ? settled : null),
      'sent',
    ),
    stage(
      4,
      'Finalize',
      'The result is recorded, counters are updated, and the cursor advances.',
      over ? settled : null,
      'recorded',
    ),
  ];
}

/** Where the records of a run are. */
export function StageStrip(props: { figures: Figures; reached: string | null; isTest: boolean }) {
  const stages = stagesOf(props.figures, props.reached, props.isTest);
  return (
    <ol className={classes.strip} aria-label="Stages">
      {stages.map((stage, n) => (
        <Fragment key={stage.name}>
          {n > 0 && <IconArrowRight className={classes.arrow} size={14} aria-hidden />}
          <li className={classes.stage} data-state={stage.state}>
            <Tooltip label={stage.what} multiline w={240}>
              <span className={classes.head}>
                <Sign state={stage.state} />
                {stage.name}
                <span className="visually-hidden">: {WORDS[stage.state]}</span>
              </span>
            </Tooltip>
            <span className={classes.figure}>
              {stage.figure === null ? '–' : `${count(stage.figure)} ${stage.word}`}
            </span>
          </li>
        </Fragment>
      ))}
    </ol>
  );
}

const WORDS: Record<State, string> = {
  waiting: 'not reached',
  active: 'going on',
  done: 'done',
  stopped: 'stopped here',
};

function Sign({ state }: { state: State }) {
  if (state === 'done') return <IconCheck size={14} stroke={2.4} aria-hidden />;
  if (state === 'stopped') return <IconX size={14} stroke={2.4} aria-hidden />;
  return <span className={classes.dot} aria-hidden />;
}
