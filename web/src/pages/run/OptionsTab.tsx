import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { RunDetail } from '../../api/types';
import { CopyText } from '../../ui/copy';
import { count, counted } from '../../ui/format';
import { triggerWord, typeWord } from '../../ui/status';
import { Ago } from '../../ui/time';
import classes from './run.module.css';

const READ_MODES: Record<string, string> = {
  incremental: 'Incremental: only records past the cursor, and those that failed before.',
  reset: 'Reset cursor: everything was read; what had not changed was skipped.',
  full: 'Force full sync: everything was read, and every record sent.',
};
const TYPES: Record<string, string> = {
  sync: 'the standard run',
  one_time: 'writes once, does not schedule the sync',
  test: 'writes nothing',
  seed: 'writes all data from the source to the target',
  replay: 'sends dead letters again',
};
const REPLAYS: Record<string, string> = {
  reread: 'as the source has them now',
  as_captured: 'as they were captured',
  edited: 'as they were edited',
};

/** What a run was asked to do, by whom, and what it ran with. */
export function OptionsTab({ run }: { run: RunDetail }) {
  const { options } = run;
  const { reseed, plan_of: planOf, replay } = options;
  return (
    <div style={{ padding: 'var(--mantine-spacing-xs) var(--mantine-spacing-md) var(--mantine-spacing-md)' }}>
      <dl className={classes.facts}>
        <Fact name="Run type">
          {typeWord(run.type)}: {TYPES[run.type]}
        </Fact>
        {reseed && <Fact name="Reseed">This sync's records were removed from the target first.</Fact>}
        {replay && (
          <Fact name="Replay">
            {counted(replay.letters, 'dead letter')}, {REPLAYS[replay.mode] ?? replay.mode}
            {replay.per_second && `, at most ${count(replay.per_second)} a second`}
          </Fact>
        )}
        {planOf && (
          <Fact name="Plan">
            of{' '}
            <Link to="/runs/$runId" params={{ runId: planOf }} className="link mono">
              {planOf}
            </Link>
          </Fact>
        )}
        {!replay && <Fact name="Read mode">{READ_MODES[options.read_mode]}</Fact>}
        <Fact name="Cursor">
          <Cursor run={run} />
        </Fact>
        {!replay && (
          <Fact name="Source IDs">
            <SourceIds ids={options.source_ids} />
          </Fact>
        )}
        <Fact name="Max entities">{options.max_entities ? count(options.max_entities) : 'No limit'}</Fact>
        <Fact name="Batch size">
          {options.batch_size
            ? counted(options.batch_size, 'record')
            : "The sync's own, or what suits the destination"}
        </Fact>
        <Fact name="Complete read">
          {!run.started_at
            ? '–'
            : run.complete_read
              ? 'Yes: the source was read to its end'
              : 'No: not all of the source was read'}
        </Fact>
        <Fact name="Trigger">{triggerWord(run.trigger)}</Fact>
        <Fact name="Requested by">
          {run.requested_by ??
            (run.trigger === 'cli' ? 'Somebody at the command line' : 'Nobody: it runs by itself')}
        </Fact>
        <Fact name="Asked for">
          <Ago at={run.created_at} />
        </Fact>
        <Fact name="Worker">{run.worker ? <span className="mono">{run.worker}</span> : '–'}</Fact>
        {run.config_hash && (
          <Fact name="Configuration version">
            <CopyText value={run.config_hash} label="configuration version" />
          </Fact>
        )}
        <Fact name="Correlation ID">
          <CopyText value={run.correlation_id} label="correlation id" />
        </Fact>
        <Fact name="Run ID">
          <CopyText value={run.id} label="run id" />
        </Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Ids shown of a long list. */
const IDS_SHOWN = 50;

function SourceIds({ ids }: { ids: string[] }) {
  if (ids.length === 0) return <>All records</>;
  return (
    <>
      {counted(ids.length, 'record')}: <span className="mono">{ids.slice(0, IDS_SHOWN).join(', ')}</span>
      {ids.length > IDS_SHOWN && ` and ${count(ids.length - IDS_SHOWN)} more`}
    </>
  );
}

function Cursor({ run }: { run: RunDetail }) {
  const { cursor_before: before, cursor_after: after } = run;
  if (!run.started_at) return <>–</>;
  if (!before && !after) return <>None: this run read without a cursor</>;
  if (before === after) {
    return (
      <>
        <span className="mono">{before}</span>, unchanged
      </>
    );
  }
  return (
    <>
      <span className="mono">{before ?? 'none'}</span> → <span className="mono">{after ?? 'not moved'}</span>
    </>
  );
}
