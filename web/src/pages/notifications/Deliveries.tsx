import { Select, Tooltip } from '@mantine/core';
import { IconCircleCheck, IconCircleX, IconClockPause } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useAll } from '../../api/all';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { ShortId } from '../../ui/copy';
import { Empty } from '../../ui/empty';
import { firstOf, narrowed } from '../../ui/narrow';
import { Panel } from '../../ui/page';
import { type Look, Mark } from '../../ui/status';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { eventWord } from './channel';
import { notificationsRoute } from './route';

type Delivery = Schemas['DeliveryView'];

const PER_PAGE = 20;
/** While a message waits, its delivery is looked at this often, in milliseconds. */
const LOOK_EVERY = 5_000;

const STATES: Record<string, Look> = {
  pending: { word: 'Waiting', icon: IconClockPause, color: 'var(--state-waiting)' },
  delivered: { word: 'Delivered', icon: IconCircleCheck, color: 'var(--state-completed)' },
  failed: { word: 'Failed', icon: IconCircleX, color: 'var(--state-failed)' },
};

const COLUMNS: Column<Delivery>[] = [
  { id: 'at', title: 'When', always: true, cell: (delivery) => <Ago at={delivery.created_at} /> },
  { id: 'event', title: 'Event', always: true, cell: (delivery) => eventWord(delivery.event) },
  {
    id: 'sync',
    title: 'Sync',
    cell: ({ sync_id }) =>
      sync_id ? (
        <Link to="/syncs/$syncId" params={{ syncId: sync_id }} className="link">
          {sync_id}
        </Link>
      ) : (
        '–'
      ),
  },
  {
    id: 'run',
    title: 'Run',
    wide: true,
    cell: ({ run_id }) =>
      run_id ? (
        <Link to="/runs/$runId" params={{ runId: run_id }} className="link">
          <ShortId id={run_id} />
        </Link>
      ) : (
        '–'
      ),
  },
  { id: 'channel', title: 'Channel', cell: (delivery) => delivery.channel },
  {
    id: 'state',
    title: 'State',
    always: true,
    cell: ({ state }) => {
      const look = STATES[state];
      return look ? <Mark {...look} /> : state;
    },
  },
  { id: 'attempts', title: 'Attempts', figure: true, cell: (delivery) => delivery.attempts },
  {
    id: 'next',
    title: 'Next attempt',
    wide: true,
    cell: (delivery) => <Ago at={delivery.state === 'pending' ? delivery.next_attempt_at : null} />,
  },
  {
    id: 'error',
    title: 'Last error',
    wide: true,
    cell: ({ last_error }) =>
      last_error ? (
        <Tooltip label={last_error} multiline maw={480}>
          <span>{last_error}</span>
        </Tooltip>
      ) : (
        '–'
      ),
  },
];

/** Messages to the channels, and how their delivery went. */
export function Deliveries() {
  const { page, channel } = notificationsRoute.useSearch();
  const navigate = notificationsRoute.useNavigate();
  const channels = useAll('/api/v1/notifications');
  const deliveries = api.useQuery(
    'get',
    '/api/v1/notifications/deliveries',
    { params: { query: { page, channel, per_page: PER_PAGE } } },
    {
      refetchInterval: ({ state }) =>
        state.data?.data.some((delivery) => delivery.state === 'pending') ? LOOK_EVERY : false,
    },
  );
  const names = [...new Set([...(channels.data ?? []).map(({ name }) => name), channel ?? ''])];
  return (
    <Panel
      title="Deliveries"
      about="Tries by the button are not among them."
      pad={false}
      actions={
        <Select
          aria-label="Channel"
          placeholder="Channel"
          data={names.filter(Boolean)}
          value={channel ?? null}
          onChange={(value) => void navigate({ search: { channel: value ?? undefined } })}
          clearable
          searchable
          filter={narrowed(firstOf(channels.cut, 'channel'))}
          w={190}
        />
      }
    >
      <DataTable
        name="deliveries"
        label="Deliveries"
        columns={COLUMNS}
        rows={deliveries.data?.data}
        keyOf={(delivery) => delivery.id}
        error={deliveries.error}
        retry={() => void deliveries.refetch()}
        skeletonRows={4}
        empty={
          <Empty title={channel ? `Nothing was told to ${channel} yet` : 'Nothing was told yet'}>
            Each message stands here with its attempts: after a failure it is sent again for about a day.
          </Empty>
        }
      />
      <Pager
        pagination={deliveries.data?.pagination}
        onPage={(to) => void navigate({ search: { channel, page: to } })}
      />
    </Panel>
  );
}
