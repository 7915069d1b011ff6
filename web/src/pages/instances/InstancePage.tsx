import { Button, Group, Skeleton, Stack, Tabs, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { counted } from '../../ui/format';
import { FileNote, ifMatch, OriginMark } from '../../ui/origin';
import { Page, Panel } from '../../ui/page';
import { ProblemList, ProblemNote } from '../../ui/problem';
import { tellDone, tellProblem } from '../../ui/tell';
import { InstanceSettings } from './InstanceSettings';
import { InstanceSyncs } from './InstanceSyncs';
import { Way } from './InstancesPage';
import { InstanceYaml } from './InstanceYaml';
import { instanceRoute } from './route';

type Instance = Schemas['InstanceView'];

export function InstancePage() {
  const { name } = instanceRoute.useParams();
  const { tab = 'syncs' } = instanceRoute.useSearch();
  const navigate = instanceRoute.useNavigate();
  const found = api.useQuery('get', '/api/v1/instances/{name}', { params: { path: { name } } });
  const instance = found.data;
  return (
    <Page
      title={name}
      about={
        instance && (
          <Group gap="md">
            <Way {...instance} />
            <OriginMark origin={instance.origin} />
          </Group>
        )
      }
      crumbs={[{ label: 'Instances', to: '/instances' }]}
      actions={instance && <Actions instance={instance} />}
    >
      {found.error && !instance ? (
        <ProblemNote error={found.error} retry={() => void found.refetch()} />
      ) : instance ? (
        <Stack gap="md">
          <ProblemList problems={instance.problems} title="This instance is left out until this is right" />
          <section className="panel">
            <Tabs
              value={tab}
              keepMounted={false}
              onChange={(next) =>
                void navigate({
                  search: { tab: next === 'settings' || next === 'yaml' ? next : undefined },
                  replace: true,
                })
              }
            >
              <Tabs.List>
                <Tabs.Tab value="syncs">Syncs</Tabs.Tab>
                <Tabs.Tab value="settings">Settings</Tabs.Tab>
                <Tabs.Tab value="yaml">YAML</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="syncs">
                <InstanceSyncs instance={instance} />
              </Tabs.Panel>
              <Tabs.Panel value="settings" p="md">
                <Stack gap="md">
                  <FileNote what="instance" origin={instance.origin} />
                  <InstanceSettings instance={instance} />
                </Stack>
              </Tabs.Panel>
              <Tabs.Panel value="yaml" p="md">
                <Stack gap="md">
                  <FileNote what="instance" origin={instance.origin} />
                  <InstanceYaml instance={instance} />
                </Stack>
              </Tabs.Panel>
            </Tabs>
          </section>
        </Stack>
      ) : (
        <Panel>
          <Skeleton height={220} />
        </Panel>
      )}
    </Page>
  );
}

function Actions({ instance }: { instance: Instance }) {
  if (instance.origin.kind === 'file') return null;
  return (
    <>
      <Allowed role="admin">{(disabled) => <DeleteButton instance={instance} disabled={disabled} />}</Allowed>
      <Allowed role="admin">
        {(disabled) => <NewSyncButton instance={instance.name} disabled={disabled} />}
      </Allowed>
    </>
  );
}

/** Leads to the editor with this instance chosen. */
export function NewSyncButton({ instance, disabled }: { instance: string; disabled: boolean }) {
  const sign = <IconPlus size={16} />;
  if (disabled) {
    return (
      <Button leftSection={sign} disabled>
        New sync
      </Button>
    );
  }
  return (
    <Button leftSection={sign} component={Link} to="/new-sync" search={{ instance } as never}>
      New sync
    </Button>
  );
}

function DeleteButton({ instance, disabled }: { instance: Instance; disabled: boolean }) {
  const navigate = instanceRoute.useNavigate();
  const { name, origin, syncs } = instance;
  const remove = api.useMutation('delete', '/api/v1/instances/{name}', {
    onSuccess: () => {
      tellDone(`The instance ${name} is deleted.`);
      void navigate({ to: '/instances' });
    },
    onError: (error) => tellProblem(`The instance ${name} was not deleted`, error),
  });
  const ask = () =>
    modals.openConfirmModal({
      title: `Delete the instance ${name}?`,
      children: (
        <Stack gap="xs">
          <Text size="sm">
            {syncs.length === 0
              ? 'It has no syncs.'
              : `Its ${counted(syncs.length, 'sync')} will not run any more. What they delivered stays at the target; their history is kept until retention forgets it.`}
          </Text>
          {syncs.map((sync) => (
            <span key={sync} className="mono">
              {sync}
            </span>
          ))}
        </Stack>
      ),
      labels: {
        confirm: syncs.length > 0 ? `Delete it and ${counted(syncs.length, 'sync')}` : 'Delete',
        cancel: 'Keep it',
      },
      confirmProps: { color: 'red' },
      onConfirm: () => remove.mutate({ params: { path: { name }, header: ifMatch(origin) } }),
    });
  return (
    <Button
      variant="default"
      leftSection={<IconTrash size={16} />}
      disabled={disabled}
      loading={remove.isPending}
      onClick={ask}
    >
      Delete
    </Button>
  );
}
