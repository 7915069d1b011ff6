import { Tooltip } from '@mantine/core';
import type { RunDetail } from '../../api/types';
import { bytes, count, counted, duration } from '../../ui/format';
import classes from './run.module.css';

interface Measure {
  label: string;
  value: string;
  small?: string;
  meaning?: string;
}

/** How fast a run was, and what it used. */
export function PerformanceTab({ run }: { run: RunDetail }) {
  const { durations, performance } = run;
  const written = run.dry_run ? 0 : run.rows_created + run.rows_updated + run.rows_deleted;
  const measures: Measure[] = [
    {
      label: 'Read from the source',
      value: rate(run.rows_processed, durations.query, 'row'),
      small: `${counted(run.rows_processed, 'row')} in ${time(durations.query)}`,
    },
    {
      label: 'Change detection',
      value: rate(run.rows_processed, durations.change_detection, 'row'),
      small: `in ${time(durations.change_detection)}`,
    },
    {
      label: 'Written to the destination',
      value: rate(written, durations.destination_writes, 'change'),
      small: `${counted(written, 'change')} in ${time(durations.destination_writes)}`,
    },
    {
      label: 'Finalization',
      value: time(durations.finalization),
      small: 'snapshot, cursor and results',
    },
    {
      label: 'Bytes read',
      value: bytes(performance.bytes_read),
      small: per(performance.bytes_read, run.rows_processed, 'row'),
    },
    {
      label: 'Bytes written',
      value: bytes(performance.bytes_written),
      small: per(performance.bytes_written, written, 'change'),
    },
    {
      label: 'Calls to the destination',
      value: count(performance.api_calls),
      small:
        performance.api_calls > 0
          ? `${duration(performance.api_call_seconds)} in all, ${duration(performance.api_call_seconds / performance.api_calls)} each`
          : 'none',
      meaning: 'Requests to an API, or batches to a database.',
    },
    {
      label: 'Retries',
      value: count(performance.retries),
      small: 'requests that were sent again',
    },
    {
      label: 'Waiting',
      value: time(durations.waiting),
      small: 'queued, held, or paused for a rate limit',
    },
    {
      label: 'Peak memory',
      value: bytes(performance.peak_memory_bytes),
      small: "of the run's own buffers",
    },
  ];
  return (
    <div style={{ padding: 'var(--mantine-spacing-md)' }}>
      <dl className={classes.tiles} style={{ margin: 0 }}>
        {measures.map(({ label, value, small, meaning }) => (
          <div className={classes.tile} key={label}>
            <dt>
              <Tooltip label={meaning} disabled={!meaning}>
                <span>{label}</span>
              </Tooltip>
            </dt>
            <dd>
              {value}
              <div className={classes.small}>{small}</div>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function time(seconds: number): string {
  return seconds > 0 ? duration(seconds) : '0s';
}

function rate(rows: number, seconds: number, one: string): string {
  if (rows === 0 || seconds <= 0) return '–';
  return `${counted(Math.round(rows / seconds), one)}/s`;
}

function per(size: number, rows: number, one: string): string {
  return rows > 0 ? `${bytes(size / rows)} a ${one}` : '';
}
