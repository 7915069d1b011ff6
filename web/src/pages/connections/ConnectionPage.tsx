import { Button, Group, Skeleton, Stack, Tabs, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconPlugConnected, IconTrash } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { counted } from '../../ui/format';
import { FileNote, ifMatch, OriginMark } from '../../ui/origin';
import { Page, Panel } from '../../ui/page';
import { ProblemList, ProblemNote } from '../../ui/problem';
import { tellDone, tellProblem } from '../../ui/tell';
import { Ago } from '../../ui/time';
import { ChangeForm } from './ChangeForm';
import { LastCheckPanel, useTest } from './check';
import { type Connector, ConnectorMark, useConnectors } from './kind';
import { Objects } from './Objects';
import { connectionRoute } from './route';

type Connection = Schemas['ConnectionView'];

export function ConnectionPage() {
  const { name } = connectionRoute.useParams();
  const found = api.useQuery('get', '/api/v1/connections/{name}', { params: { path: { name } } });
  const connectors = useConnectors();
  const connection = found.data;
  const connector = connectors.data?.find(({ type }) => type === connection?.type);
  const error = found.error ?? connectors.error;
  return (
    <Page
      title={name}
      mark={connection && <ConnectorMark type={connection.type} />}
      about={connection ? <About connection={connection} /> : undefined}
      crumbs={[{ label: 'Connections', to: '/connections' }]}
      actions={connection && <Actions connection={connection} />}
    >
      {error && !connection ? (
        <ProblemNote error={error} retry={() => void found.refetch()} />
      ) : connection ? (
        <Content connection={connection} connector={connector} />
      ) : (
        <Panel>
          <Skeleton height={220} />
        </Panel>
      )}
    </Page>
  );
}

function About({ connection }: { connection: Connection }) {
  const { description, origin } = connection;
  return (
    <Group gap="md">
      {description && <span>{description}</span>}
      <OriginMark origin={origin} />
      {origin.updated_at && (
        <span>
          changed <Ago at={origin.updated_at} />
        </span>
      )}
    </Group>
  );
}

function Actions({ connection }: { connection: Connection }) {
  const { isTesting, run } = useTest(connection.name);
  return (
    <>
      {connection.origin.kind === 'api' && (
        <Allowed role="admin">
          {(disabled) => <DeleteButton connection={connection} disabled={disabled} />}
        </Allowed>
      )}
      <Allowed role="operator">
        {(disabled) => (
          <Button
            leftSection={<IconPlugConnected size={16} />}
            loading={isTesting}
            disabled={disabled}
            onClick={run}
          >
            Test
          </Button>
        )}
      </Allowed>
    </>
  );
}

function Content({ connection, connector }: { connection: Connection; connector?: Connector }) {
  const { tab = 'objects' } = connectionRoute.useSearch();
  const navigate = connectionRoute.useNavigate();
  return (
    <Stack gap="md">
      <ProblemList problems={connection.problems} title="This connection cannot be used as it is written" />
      {connection.last_check && <LastCheckPanel last={connection.last_check} />}
      <section className="panel">
        <Tabs
          value={tab}
          onChange={(next) =>
            void navigate({
              search: (now) => ({ ...now, tab: next === 'settings' ? 'settings' : undefined }),
              replace: true,
            })
          }
        >
          <Tabs.List>
            <Tabs.Tab value="objects">Objects</Tabs.Tab>
            <Tabs.Tab value="settings">Settings</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="objects">
            {connector ? (
              <Objects name={connection.name} connector={connector} />
            ) : (
              <Skeleton h={120} m="md" />
            )}
          </Tabs.Panel>
          <Tabs.Panel value="settings" p="md">
            <Stack gap="md">
              <FileNote what="connection" origin={connection.origin} />
              {connector ? (
                <ChangeForm connection={connection} connector={connector} />
              ) : (
                <Text size="sm">This server does not know the type {connection.type}.</Text>
              )}
            </Stack>
          </Tabs.Panel>
        </Tabs>
      </section>
      <UsedBy syncs={connection.used_by} />
    </Stack>
  );
}

function UsedBy({ syncs }: { syncs: string[] }) {
  return (
    <Panel title="Used by">
      {syncs.length === 0 ? (
        <Empty
          title="No sync reads or writes it yet"
          action={
            <Button component={Link} to="/instances" search={{ make: true } as never} variant="default">
              New instance
            </Button>
          }
        >
          An instance pairs a system that is read with one that is written; its syncs say what travels.
        </Empty>
      ) : (
        <Group gap="xs">
          {syncs.map((sync) => (
            <Link key={sync} to="/syncs/$syncId" params={{ syncId: sync }} className="link mono">
              {sync}
            </Link>
          ))}
        </Group>
      )}
    </Panel>
  );
}

function DeleteButton({ connection, disabled }: { connection: Connection; disabled: boolean }) {
  const navigate = connectionRoute.useNavigate();
  const { name, origin, used_by } = connection;
  const remove = api.useMutation('delete', '/api/v1/connections/{name}', {
    onSuccess: () => {
      tellDone(`The connection ${name} is deleted.`);
      void navigate({ to: '/connections' });
    },
    onError: (error) => tellProblem(`The connection ${name} was not deleted`, error),
  });
  const ask = () =>
    modals.openConfirmModal({
      title: `Delete the connection ${name}?`,
      children: (
        <Text size="sm">
          Its settings and secrets are forgotten. The system itself stays as it is. No sync uses it.
        </Text>
      ),
      labels: { confirm: 'Delete', cancel: 'Keep it' },
      confirmProps: { color: 'red' },
      onConfirm: () => remove.mutate({ params: { path: { name }, header: ifMatch(origin) } }),
    });
  const stillUsed = () =>
    modals.open({
      title: `${name} is still used`,
      children: (
        <Stack gap="xs">
          <Text size="sm">
            {counted(used_by.length, 'sync')} would not work any more. Delete them, or give their instances
            another connection, first.
          </Text>
          {used_by.map((sync) => (
            <span key={sync} className="mono">
              {sync}
            </span>
          ))}
        </Stack>
      ),
    });
  return (
    <Button
      variant="default"
      leftSection={<IconTrash size={16} />}
      disabled={disabled}
      loading={remove.isPending}
      onClick={used_by.length > 0 ? stillUsed : ask}
    >
      Delete
    </Button>
  );
}
