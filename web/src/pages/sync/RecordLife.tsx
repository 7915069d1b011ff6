import { Group, Skeleton, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Letter, Schemas, Sync } from '../../api/types';
import { ShortId } from '../../ui/copy';
import { RecordDiff } from '../../ui/diff';
import { Empty } from '../../ui/empty';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import { Result } from '../../ui/result';
import { LetterState, typeWord } from '../../ui/status';
import { Ago } from '../../ui/time';
import classes from './record.module.css';

type Event = Schemas['RecordEventView'];

/** Everything that is known to have happened to one record, newest first. */
export function RecordLife({ sync, rowId }: { sync: Sync; rowId: string }) {
  const events = api.useQuery('get', '/api/v1/syncs/{sync_id}/records/{row_id}', {
    params: { path: { sync_id: sync.id, row_id: rowId } },
  });
  const letters = api.useQuery('get', '/api/v1/dead-letters', {
    params: { query: { sync_id: sync.id, key: rowId, per_page: 20 } },
  }).data?.data;
  const life = events.data;
  if (!life && events.error) return <ProblemNote error={events.error} retry={() => void events.refetch()} />;
  if (!life) return <Skeleton h={240} />;
  return (
    <>
      {letters && letters.length > 0 && <Letters letters={letters} />}
      <Panel
        title={`Record ${rowId}`}
        about={life.length > 0 ? `${counted(life.length, 'event')}, newest first.` : undefined}
        pad={false}
      >
        {life.length === 0 ? (
          <Empty title="No run changed a record with this key">
            Check the key: it is the value of the model's key column, written as runs show it. Runs beyond the
            project's retention are forgotten.
          </Empty>
        ) : (
          <ol className={classes.life}>
            {life.map((event) => (
              <Moment key={event.run_id + event.operation} event={event} />
            ))}
          </ol>
        )}
      </Panel>
    </>
  );
}

/** Stages of a run where a record can fail before there is a change to make. */
const STAGES = ['ingest', 'normalize', 'transform', 'execute', 'finalize'];

function Moment({ event }: { event: Event }) {
  const isStage = STAGES.includes(event.operation);
  return (
    <li className={classes.moment}>
      <span className={classes.dot} />
      <Group gap="xs">
        <Text fw={600} component="span">
          <Result of={event.result} />
        </Text>
        <Text size="sm" c="dimmed">
          {isStage ? `in stage ${event.operation}` : event.operation}, <Ago at={event.at} />,{' '}
          {event.type && `${typeWord(event.type).toLowerCase()} `}run
        </Text>
        <Link to="/runs/$runId" params={{ runId: event.run_id }} className="link">
          <ShortId id={event.run_id} />
        </Link>
      </Group>
      {(event.message || event.code) && (
        <Text size="sm" mt={4} style={{ overflowWrap: 'anywhere' }}>
          {event.field && <span className="mono">{event.field}: </span>}
          {event.message} {event.code && <ErrorCode code={event.code} />}
        </Text>
      )}
      {event.fields.length > 0 ? (
        <div className={classes.change}>
          <RecordDiff fields={event.fields} operation={event.operation} />
        </div>
      ) : (
        !isStage && (
          <Text size="sm" c="dimmed">
            No values were kept.
          </Text>
        )
      )}
    </li>
  );
}

/** What could not be delivered of this record. */
function Letters({ letters }: { letters: Letter[] }) {
  return (
    <Panel title="Dead letters">
      <Stack gap={6}>
        {letters.map((letter) => (
          <Group key={letter.id} gap="xs">
            <LetterState state={letter.state} />
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              {letter.field && <span className="mono">{letter.field}: </span>}
              {letter.message}
            </Text>
            <Text size="sm" c="dimmed">
              {counted(letter.attempts, 'attempt')}, last <Ago at={letter.last_seen_at} />
            </Text>
            <Link to="/dead-letters/$letterId" params={{ letterId: letter.id }} className="link">
              Open the letter
            </Link>
          </Group>
        ))}
      </Stack>
    </Panel>
  );
}
