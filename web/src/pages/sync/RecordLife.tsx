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
import { LetterState } from '../../ui/status';
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

const RESULTS: Record<string, { word: string; color: string }> = {
  created: { word: 'Created', color: 'var(--state-completed)' },
  updated: { word: 'Updated', color: 'var(--state-completed)' },
  appended: { word: 'Appended', color: 'var(--state-completed)' },
  removed: { word: 'Removed', color: 'var(--state-completed)' },
  exists: { word: 'Was there already', color: 'var(--state-muted)' },
  absent: { word: 'Not at the target', color: 'var(--state-muted)' },
  rejected: { word: 'Rejected', color: 'var(--state-failed)' },
  unknown: { word: 'Outcome unknown', color: 'var(--state-partial)' },
  planned: { word: 'Planned only', color: 'var(--state-muted)' },
  'not attempted': { word: 'Not attempted', color: 'var(--state-muted)' },
};

function Moment({ event }: { event: Event }) {
  const { word, color } = RESULTS[event.result] ?? { word: event.result, color: 'var(--state-muted)' };
  return (
    <li className={classes.moment}>
      <span className={classes.mark} style={{ background: color }} />
      <Group gap="xs">
        <Text fw={600}>{word}</Text>
        <Text size="sm" c="dimmed">
          {event.operation}, <Ago at={event.at} />, run
        </Text>
        <Link to="/runs/$runId" params={{ runId: event.run_id }} className="link">
          <ShortId id={event.run_id} />
        </Link>
      </Group>
      {(event.message || event.code) && (
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {event.field && <span className="mono">{event.field}: </span>}
          {event.message} {event.code && <ErrorCode code={event.code} />}
        </Text>
      )}
      {event.fields.length > 0 ? (
        <RecordDiff fields={event.fields} operation={event.operation} />
      ) : (
        <Text size="sm" c="dimmed">
          No values were kept.
        </Text>
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
