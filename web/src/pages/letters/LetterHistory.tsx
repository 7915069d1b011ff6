import { Group, Skeleton, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconListDetails } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Letter, Schemas } from '../../api/types';
import { ShortId } from '../../ui/copy';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import { Ago } from '../../ui/time';
import classes from './letters.module.css';

type Event = Schemas['RecordEventView'];

const SHOWN = 12;

/** Everything that happened to the record: plans, attempts, deliveries. */
export function LetterHistory({ letter }: { letter: Letter }) {
  const events = api.useQuery('get', '/api/v1/syncs/{sync_id}/records/{row_id}', {
    params: { path: { sync_id: letter.sync_id, row_id: letter.row_id } },
  });
  const more = (events.data?.length ?? 0) - SHOWN;
  return (
    <Panel title="History of the record">
      {events.error ? (
        <ProblemNote error={events.error} retry={() => void events.refetch()} />
      ) : !events.data ? (
        <Stack gap="xs">
          <Skeleton height={14} />
          <Skeleton height={14} />
        </Stack>
      ) : events.data.length === 0 ? (
        <Text size="sm" c="dimmed">
          Its runs are not kept any more.
        </Text>
      ) : (
        <ol className={classes.story}>
          {events.data.slice(0, SHOWN).map((event, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a run may tell of a record more than once
            <li key={event.run_id + n}>
              <Happened event={event} />
            </li>
          ))}
        </ol>
      )}
      {more > 0 && (
        <Text size="sm" c="dimmed" mt="xs">
          And {counted(more, 'earlier event')}, on the sync's page.
        </Text>
      )}
    </Panel>
  );
}

function Happened({ event }: { event: Event }) {
  const isBad = ['failed', 'rejected', 'unknown'].includes(event.result);
  const isPlan = event.result === 'planned';
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start">
      {isBad ? (
        <IconAlertTriangle size={16} color="var(--state-partial)" aria-hidden />
      ) : isPlan ? (
        <IconListDetails size={16} color="var(--state-muted)" aria-hidden />
      ) : (
        <IconCircleCheck size={16} color="var(--state-completed)" aria-hidden />
      )}
      <div style={{ flex: 1, minWidth: 0, overflowWrap: 'anywhere' }}>
        {told(event)}
        {event.message && (
          <>
            {': '}
            {event.message} {event.code && <ErrorCode code={event.code} />}
          </>
        )}
      </div>
      <Link to="/runs/$runId" params={{ runId: event.run_id }} className="link">
        <ShortId id={event.run_id} />
      </Link>
      <Text size="sm" c="dimmed" component="div" w={72} ta="right">
        <Ago at={event.at} />
      </Text>
    </Group>
  );
}

function told({ operation, result, fields }: Event): string {
  if (result === 'planned') return `Planned to ${operation} it, ${counted(fields.length, 'field')}`;
  const words: Record<string, string> = {
    created: 'Created',
    updated: 'Updated',
    removed: 'Removed',
    exists: 'Was there already',
    absent: 'Was not there',
    rejected: 'Rejected by the target',
    unknown: 'Sent without an answer',
    failed: `Failed at ${operation}`,
  };
  return words[result] ?? result;
}
