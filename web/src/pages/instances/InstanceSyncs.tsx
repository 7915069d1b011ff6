import { Text } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { RunStatus, SyncState } from '../../ui/status';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { NewSyncButton } from './InstancePage';

/** Syncs on a page of the list. */
const PER_PAGE = 50;

/** The syncs of an instance and how they are doing. */
export function InstanceSyncs({ instance }: { instance: Schemas['InstanceView'] }) {
  const { name } = instance;
  const [page, setPage] = useState(1);
  const list = api.useQuery(
    'get',
    '/api/v1/syncs',
    { params: { query: { instance: name, page, per_page: PER_PAGE } } },
    { placeholderData: keepPreviousData },
  );
  return (
    <>
      <DataTable
        name="instance-syncs"
        label={`Syncs of ${name}`}
        columns={COLUMNS}
        rows={list.data?.data}
        keyOf={({ id }) => id}
        href={({ id }) => ({ to: '/syncs/$syncId', params: { syncId: id } })}
        error={list.error}
        retry={() => void list.refetch()}
        skeletonRows={3}
        empty={
          instance.origin.kind === 'file' ? (
            <Empty title="No syncs">
              Its file has no entities that work. Add them in{' '}
              <span className="mono">{instance.origin.place}</span>.
            </Empty>
          ) : (
            <Empty
              title="No syncs yet"
              action={
                <Allowed role="admin">
                  {(disabled) => <NewSyncButton instance={name} disabled={disabled} />}
                </Allowed>
              }
            >
              A sync says what is read from {instance.source}, where it goes in {instance.target}, and when.
            </Empty>
          )
        }
      />
      <Pager pagination={list.data?.pagination} onPage={setPage} />
    </>
  );
}

const COLUMNS: Column<Sync>[] = [
  {
    id: 'id',
    title: 'Entity',
    always: true,
    cell: ({ entity }) => (
      <Text span fw={500} inherit>
        {entity}
      </Text>
    ),
  },
  { id: 'state', title: 'State', cell: ({ state }) => <SyncState state={state} /> },
  { id: 'object', title: 'Target object', cell: ({ object }) => <span className="mono">{object}</span> },
  { id: 'mode', title: 'Write mode', cell: ({ write_mode }) => write_mode.replaceAll('_', ' ') },
  {
    id: 'last',
    title: 'Last run',
    cell: ({ last_run }) =>
      last_run ? (
        <RunStatus run={last_run} />
      ) : (
        <Text span inherit c="dimmed">
          never
        </Text>
      ),
  },
  { id: 'when', title: 'Ended', cell: ({ last_run }) => <Ago at={last_run?.completed_at} /> },
  { id: 'next', title: 'Next run', cell: ({ next_run_at }) => <Ago at={next_run_at} /> },
];
