import { Tooltip } from '@mantine/core';
import { IconArrowRight, IconCheck, IconX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import { api } from '../api/client';
import type { RunDetail, Schemas } from '../api/types';
import type { Figures } from './figures';
import { isOver } from './figures';
import { count } from './format';
import classes from './stages.module.css';
import { reached } from './verdict';

type State = 'waiting' | 'active' | 'done' | 'stopped';

type StageName = Schemas['Stage'];

interface Stage {
  id: StageName;
  what: string;
  state: State;
  /** What passed it, and the word for that. */
  figure: number | null;
  word: string;
  /** What ended here because it could not go on. */
  failed: number;
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

/** How many records failed at each stage. */
type FailedAt = Partial<Record<StageName, number>>;

const NOTHING = { failedAt: {}, notAttempted: 0, wasHeld: false };

/** The five stages of a run's records. `reached` is the last phase of a run that ended. */
export function stagesOf(
  figures: Figures,
  reached: string | null,
  isTest: boolean,
  ended: { failedAt: FailedAt; notAttempted: number; wasHeld: boolean } = NOTHING,
): Stage[] {
  const { failedAt, notAttempted, wasHeld } = ended;
  const over = isOver(figures.status) || figures.status === 'held';
  const phase = over ? reached : figures.phase;
  const isWhole = figures.status === 'completed';
  const isHeld = figures.status === 'held' || wasHeld;
  const behind = phase === null ? 0 : (BEHIND[phase] ?? 0);
  const settled = figures.success + figures.deleted;
  const state = (n: number): State => {
    if (isTest && n > 2) return 'waiting';
    if (isWhole || (n === 4 && over && !isHeld && settled > 0)) return 'done';
    if (phase === null) return 'waiting';
    if (isHeld) return n < 3 ? 'done' : 'waiting';
    if (n < behind) return 'done';
    if (!ACTIVE[phase]?.includes(n)) return 'waiting';
    return over ? 'stopped' : 'active';
  };
  const passed = (n: number, figure: number | null) => (state(n) === 'waiting' ? null : figure);
  const total = figures.total;
  const sent = settled + (failedAt.execute ?? 0);
  const stage = (n: number, id: StageName, what: string, figure: number | null, word: string) => ({
    id,
    what,
    state: state(n),
    figure: passed(n, figure),
    word,
    failed: failedAt[id] ?? 0,
  });
  return [
    stage(0, 'ingest', 'The record is read from the source and queued for processing.', total, 'read'),
    stage(
      1,
      'normalize',
      'The raw record is brought into the canonical form and compared with what was delivered before.',
      total === null ? null : total,
      'compared',
    ),
    stage(
      2,
      'transform',
      'The record is shaped into what the target expects: mappings and value transformers.',
      figures.planned ?? (over ? sent + notAttempted : null),
      isTest || isHeld ? 'would be sent' : 'to send',
    ),
    stage(
      3,
      'execute',
      'The payload is sent to the target. Most failures happen here.',
      figures.sent ?? (over ? sent : null),
      'sent',
    ),
    stage(
      4,
      'finalize',
      'The result is recorded, counters are updated, and the cursor advances.',
      over ? settled : null,
      'recorded',
    ),
  ];
}

/** Where the records of a run are. */
export function StageStrip({ run, figures }: { run: RunDetail; figures: Figures }) {
  const ended = isOver(figures.status) && figures.failed > 0;
  const groups = api.useQuery(
    'get',
    '/api/v1/runs/{run_id}/errors/groups',
    { params: { path: { run_id: run.id } } },
    { enabled: ended },
  ).data?.data;
  const failedAt: FailedAt = {};
  for (const group of (ended && groups) || []) {
    failedAt[group.stage] = (failedAt[group.stage] ?? 0) + group.count;
  }
  const stages = stagesOf(figures, reached(run) ?? null, run.dry_run, {
    failedAt,
    notAttempted: run.rows_not_attempted,
    wasHeld: run.end_reason === 'rejected' || run.end_reason === 'expired',
  });
  return (
    <ol className={classes.strip} aria-label="Stages" data-cancelled={figures.status === 'cancelled'}>
      {stages.map((stage, n) => (
        <Fragment key={stage.id}>
          {n > 0 && <IconArrowRight className={classes.arrow} size={14} aria-hidden />}
          <li className={classes.stage} data-state={stage.state}>
            <Tooltip label={stage.what} multiline w={240}>
              <span className={classes.head}>
                <Sign state={stage.state} />
                {STAGES[stage.id]}
                <span className="visually-hidden">: {WORDS[stage.state]}</span>
              </span>
            </Tooltip>
            <span className={classes.figure}>
              {stage.figure === null ? '–' : `${count(stage.figure)} ${stage.word}`}
              {stage.failed > 0 && (
                <Link
                  to="/runs/$runId"
                  params={{ runId: run.id }}
                  search={{ tab: 'errors', stage: stage.id }}
                  className={classes.failed}
                >
                  {count(stage.failed)} failed
                </Link>
              )}
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

const STAGES: Record<StageName, string> = {
  ingest: 'Ingest',
  normalize: 'Normalize',
  transform: 'Transform',
  execute: 'Execute',
  finalize: 'Finalize',
};

/** The word of a stage. */
export function stageWord(stage: StageName): string {
  return STAGES[stage];
}
