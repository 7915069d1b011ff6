import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { RunDetail } from '../../api/types';
import { type Figures, isLive, isPlan } from '../../ui/figures';
import { count, duration } from '../../ui/format';
import { Panel } from '../../ui/page';
import { Elapsed } from '../../ui/time';
import { worked } from '../../ui/verdict';
import classes from './run.module.css';

interface Line {
  label: string;
  figure: number | null;
  color: string;
  meaning: string;
  why?: ReactNode;
}

/** The counters of a run with bars in proportion, and how long it took. */
export function Summary({ run, figures }: { run: RunDetail; figures: Figures }) {
  const isPlanned = isPlan(run);
  const goesOn = isLive(run.status);
  const total = figures.total;
  const of = (recorded: number) => (goesOn ? null : recorded);
  const lines: Line[] = [
    {
      label: isPlanned ? 'Would create' : 'Created',
      figure: total === null ? null : figures.created,
      color: 'var(--state-completed)',
      meaning: 'New records in the target.',
    },
    {
      label: isPlanned ? 'Would update' : 'Updated',
      figure: total === null ? null : figures.updated,
      color: 'color-mix(in srgb, var(--state-completed) 60%, var(--line))',
      meaning: 'Records of the target that changed.',
    },
    {
      label: isPlanned ? 'Would delete' : 'Deleted',
      figure: total === null ? null : figures.deleted,
      color: 'var(--ink-soft)',
      meaning: 'Records removed from the target. They were not read, so they are not part of the total.',
    },
    {
      label: isPlanned ? 'Would fail' : 'Failed',
      figure: total === null ? null : figures.failed,
      color: 'var(--state-failed)',
      meaning: 'Records that could not be written.',
      why: figures.failed > 0 && (
        <Link to="/runs/$runId" params={{ runId: run.id }} search={{ tab: 'errors' }} className="link">
          errors
        </Link>
      ),
    },
    {
      label: 'Skipped',
      figure: total === null ? null : figures.skipped,
      color: 'color-mix(in srgb, var(--state-muted) 55%, var(--line))',
      meaning: 'Records that needed nothing.',
      why: reasons(run.skipped),
    },
    {
      label: 'Not attempted',
      figure: of(run.rows_not_attempted),
      color: 'var(--state-muted)',
      meaning: 'Records that were read and not sent, because the run ended early.',
    },
    {
      label: 'Delete failed',
      figure: of(run.rows_delete_failed),
      color: 'var(--state-failed)',
      meaning: 'Records that could not be removed from the target.',
    },
  ];
  const most = Math.max(total ?? 0, ...lines.map(({ figure }) => figure ?? 0), 1);
  const taken = worked(run);
  return (
    <Panel title="Summary">
      <table className={classes.summary}>
        <caption className="visually-hidden">Counters and durations</caption>
        <tbody>
          <tr className={classes.total}>
            <th scope="row">Total processed</th>
            <td className={classes.figure}>{total === null ? '–' : count(total)}</td>
            <td colSpan={2} />
          </tr>
          {lines.map((line) => (
            <Counted key={line.label} line={line} most={most} />
          ))}
        </tbody>
        <tbody>
          <tr className={classes.time}>
            <th scope="row">Duration</th>
            <td className={classes.figure}>{taken ?? <Elapsed from={run.started_at} />}</td>
            <td colSpan={2} />
          </tr>
          <Time
            label="Query time"
            seconds={run.durations.query}
            meaning="Waiting for the source to answer the model's query."
          />
          <Time
            label="Processing time"
            seconds={goesOn ? 0 : run.durations.processing}
            meaning="Everything else: also what was done with the first rows while later ones were read."
          />
        </tbody>
      </table>
    </Panel>
  );
}

function Counted({ line, most }: { line: Line; most: number }) {
  const { label, figure, color, meaning, why } = line;
  return (
    <tr>
      <th scope="row">
        <Tooltip label={meaning} multiline w={240}>
          <span>{label}</span>
        </Tooltip>
      </th>
      <td className={`${classes.figure} ${figure ? '' : classes.none}`}>
        {figure === null ? '–' : count(figure)}
      </td>
      <td>
        {figure ? (
          <span className={classes.track}>
            <span style={{ width: `${(100 * figure) / most}%`, background: color }} />
          </span>
        ) : null}
      </td>
      <td className={classes.beside}>{figure ? why : null}</td>
    </tr>
  );
}

function Time({ label, seconds, meaning }: { label: string; seconds: number; meaning: string }) {
  return (
    <tr>
      <th scope="row">
        <Tooltip label={meaning} multiline w={240}>
          <span>{label}</span>
        </Tooltip>
      </th>
      <td className={classes.figure}>{seconds > 0 ? duration(seconds) : '–'}</td>
      <td colSpan={2} />
    </tr>
  );
}

const REASONS: Record<string, string> = {
  unchanged: 'unchanged',
  excluded: 'excluded',
  exists: 'there before',
  absent: 'not at the target',
  backing_off: 'waiting for another try',
  duplicate: 'same key as another row',
  edited: 'edited by hand',
  ignored: 'ignored',
};

/** `1,600 unchanged, 23 excluded`. */
function reasons(skipped: Record<string, number>): string {
  return Object.entries(skipped)
    .filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, n]) => `${count(n)} ${REASONS[reason] ?? reason.replaceAll('_', ' ')}`)
    .join(', ');
}
