import { Button, Group, Modal, Text } from '@mantine/core';
import { IconArrowRight, IconPlus } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { count } from '../../ui/format';
import { OriginMark } from '../../ui/origin';
import { Page } from '../../ui/page';
import { type Column, DataTable, Pager } from '../../ui/table';
import { NewInstance } from './NewInstance';
import { instancesRoute } from './route';

type Instance = Schemas['InstanceView'];

export function InstancesPage() {
  const { page, make } = instancesRoute.useSearch();
  const navigate = instancesRoute.useNavigate();
  const list = api.useQuery('get', '/api/v1/instances', { params: { query: { page, per_page: 50 } } });
  const connections = api.useQuery('get', '/api/v1/connections', { params: { query: { per_page: 1 } } });
  const hasNoConnections = connections.data?.data.length === 0;
  const setMake = (on: boolean) => void navigate({ search: (now) => ({ ...now, make: on || undefined }) });
  const makeButton = (
    <Allowed role="admin">
      {(disabled) => (
        <Button leftSection={<IconPlus size={16} />} disabled={disabled} onClick={() => setMake(true)}>
          New instance
        </Button>
      )}
    </Allowed>
  );
  return (
    <Page title="Instances" about="Pairs of systems, with the syncs between them." actions={makeButton}>
      <div className="panel">
        <DataTable
          name="instances"
          label="Instances"
          columns={COLUMNS}
          rows={list.data?.data}
          keyOf={({ name }) => name}
          href={({ name }) => ({ to: '/instances/$name', params: { name } })}
          error={list.error}
          retry={() => void list.refetch()}
          empty={
            hasNoConnections ? (
              <Empty
                title="First come connections"
                action={
                  <Button component={Link} to="/new-connection" leftSection={<IconPlus size={16} />}>
                    New connection
                  </Button>
                }
              >
                An instance pairs a system that is read with one that is written. There is no connection to a
                system yet.
              </Empty>
            ) : (
              <Empty title="No instances yet" action={makeButton}>
                An instance pairs a connection that is read with one that is written. Its syncs say what
                travels between them.
              </Empty>
            )
          }
        />
        <Pager
          pagination={list.data?.pagination}
          onPage={(next) => void navigate({ search: (now) => ({ ...now, page: next }) })}
        />
      </div>
      <Modal opened={make === true} onClose={() => setMake(false)} title="New instance" size="lg">
        <NewInstance />
      </Modal>
    </Page>
  );
}

const COLUMNS: Column<Instance>[] = [
  {
    id: 'name',
    title: 'Name',
    always: true,
    cell: ({ name }) => (
      <Text span fw={500} inherit>
        {name}
      </Text>
    ),
  },
  { id: 'way', title: 'From → to', cell: (instance) => <Way {...instance} /> },
  { id: 'syncs', title: 'Syncs', figure: true, cell: ({ syncs }) => count(syncs.length) },
  { id: 'problems', title: 'Problems', figure: true, cell: Problems },
  { id: 'origin', title: 'Defined in', cell: ({ origin }) => <OriginMark origin={origin} /> },
];

function Problems({ problems }: Instance) {
  const errors = problems.filter(({ warning }) => !warning).length;
  if (errors === 0)
    return (
      <Text span inherit c="dimmed">
        –
      </Text>
    );
  return <span style={{ color: 'var(--state-failed)' }}>{count(errors)}</span>;
}

/** The system that is read and the one that is written. */
export function Way({ source, target }: Pick<Instance, 'source' | 'target'>) {
  return (
    <Group gap={6} wrap="nowrap" display="inline-flex">
      <span>{source}</span>
      <IconArrowRight size={14} aria-label="to" color="var(--ink-soft)" />
      <span>{target}</span>
    </Group>
  );
}
