import { Badge, Button, Group, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { counted } from '../../ui/format';
import { OriginMark } from '../../ui/origin';
import { Page } from '../../ui/page';
import { type Column, DataTable, Pager } from '../../ui/table';
import { LastCheckCell } from './check';
import { ConnectorMark } from './kind';
import { connectionsRoute } from './route';

type Connection = Schemas['ConnectionView'];

export function ConnectionsPage() {
  const { page } = connectionsRoute.useSearch();
  const navigate = connectionsRoute.useNavigate();
  const list = api.useQuery('get', '/api/v1/connections', { params: { query: { page, per_page: 50 } } });
  return (
    <Page title="Connections" about="The systems that are read and written." actions={<NewConnection />}>
      <div className="panel">
        <DataTable
          name="connections"
          label="Connections"
          columns={COLUMNS}
          rows={list.data?.data}
          keyOf={({ name }) => name}
          href={({ name }) => ({ to: '/connections/$name', params: { name } })}
          error={list.error}
          retry={() => void list.refetch()}
          empty={
            <Empty title="No connections yet" action={<NewConnection />}>
              A connection is the way to one system: a database, a folder of files. Make one for the system
              that is read and one for the system that is written; then pair them in an instance.
            </Empty>
          }
        />
        <Pager
          pagination={list.data?.pagination}
          onPage={(next) => void navigate({ search: { page: next } })}
        />
      </div>
    </Page>
  );
}

function NewConnection() {
  return (
    <Allowed role="admin">
      {(disabled) =>
        disabled ? (
          <Button disabled leftSection={<IconPlus size={16} />}>
            New connection
          </Button>
        ) : (
          <Button component={Link} to="/new-connection" leftSection={<IconPlus size={16} />}>
            New connection
          </Button>
        )
      }
    </Allowed>
  );
}

const COLUMNS: Column<Connection>[] = [
  { id: 'name', title: 'Name', always: true, cell: Name },
  { id: 'type', title: 'Kind', cell: ({ type }) => <ConnectorMark type={type} /> },
  { id: 'used', title: 'Used by', cell: ({ used_by }) => <UsedBy syncs={used_by} /> },
  {
    id: 'check',
    title: 'Last check',
    cell: ({ name, last_check }) => <LastCheckCell name={name} last={last_check} />,
  },
  { id: 'origin', title: 'Defined in', cell: ({ origin }) => <OriginMark origin={origin} /> },
  {
    id: 'description',
    title: 'Note',
    wide: true,
    cell: ({ description }) => (
      <Text span inherit c="dimmed">
        {description ?? '–'}
      </Text>
    ),
  },
];

function Name({ name, problems }: Connection) {
  return (
    <Group gap={8} wrap="nowrap" display="inline-flex">
      <Text span fw={500} inherit>
        {name}
      </Text>
      <ProblemBadge problems={problems} />
    </Group>
  );
}

function UsedBy({ syncs }: { syncs: string[] }) {
  if (syncs.length === 0)
    return (
      <Text span inherit c="dimmed">
        not used
      </Text>
    );
  return <span title={syncs.join('\n')}>{counted(syncs.length, 'sync')}</span>;
}

/** Says that a connection cannot be used as it is written. */
function ProblemBadge({ problems }: { problems: Connection['problems'] }) {
  const errors = problems.filter(({ warning }) => !warning);
  if (errors.length === 0) return null;
  return (
    <Badge color="red" variant="outline" size="sm">
      {counted(errors.length, 'problem')}
    </Badge>
  );
}
