import { ActionIcon, Button, Group, List, Menu, Text, Tooltip } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconAlertTriangle, IconDots } from '@tabler/icons-react';
import { useState } from 'react';
import { useAll } from '../../api/all';
import { api, queries } from '../../api/client';
import { useMay } from '../../api/session';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { firstOf } from '../../ui/narrow';
import { Panel } from '../../ui/page';
import { type Column, DataTable } from '../../ui/table';
import { tellDone, tellProblem } from '../../ui/tell';
import { ChannelForm } from './ChannelForm';
import { type Channel, eventWord, KINDS, told } from './channel';
import { notificationsRoute } from './route';
import { TestAnswer } from './TestAnswer';

/** The channels, what each tells, and a try of each. */
export function Channels() {
  const navigate = notificationsRoute.useNavigate();
  const channels = useAll('/api/v1/notifications');
  const of = firstOf(channels.cut, 'channel');
  const [changed, setChanged] = useState<Channel>();
  const isAdmin = useMay('admin');
  const test = api.useMutation('post', '/api/v1/notifications/{name}/test');
  const remove = api.useMutation('delete', '/api/v1/notifications/{name}', {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/notifications'] }),
  });
  const tried = test.variables?.params.path.name;

  function askToRemove(channel: Channel) {
    modals.openConfirmModal({
      title: `Delete ${channel.name}?`,
      children: (
        <Text size="sm">
          Nothing is told there any more. Messages that wait for it are not sent. What was delivered stays in
          the log.
        </Text>
      ),
      labels: { confirm: 'Delete', cancel: 'Keep it' },
      confirmProps: { color: 'red' },
      onConfirm: () =>
        remove.mutate(
          { params: { path: { name: channel.name } } },
          {
            onSuccess: () => tellDone(`The channel ${channel.name} was deleted.`),
            onError: (error) => tellProblem(`The channel ${channel.name} was not deleted`, error),
          },
        ),
    });
  }

  const columns: Column<Channel>[] = [
    {
      id: 'name',
      title: 'Name',
      always: true,
      cell: (channel) => (
        <Group gap={6} wrap="nowrap">
          <span style={{ fontWeight: 500 }}>{channel.name}</span>
          <Problems channel={channel} />
        </Group>
      ),
    },
    { id: 'kind', title: 'Channel', cell: (channel) => KINDS[channel.channel] ?? channel.channel },
    {
      id: 'events',
      wide: true,
      title: 'Told',
      cell: (channel) => toldWords(channel),
    },
    {
      id: 'rate',
      wide: true,
      title: 'Error rate above',
      figure: true,
      cell: (c) => told(c).errorRate || '–',
    },
    { id: 'row', wide: true, title: 'Failures in a row', figure: true, cell: (c) => told(c).failures || '–' },
    {
      id: 'origin',
      title: 'Defined',
      wide: true,
      cell: ({ origin }) =>
        origin.kind === 'file' ? <span className="mono">{origin.place ?? 'in a file'}</span> : 'here',
    },
    {
      id: 'actions',
      title: '',
      always: true,
      figure: true,
      cell: (channel) => (
        <Group gap={4} wrap="nowrap" justify="flex-end">
          <Allowed role="admin">
            {(disabled) => (
              <Button
                variant="default"
                size="compact-xs"
                aria-label={`Test ${channel.name}`}
                disabled={disabled}
                loading={test.isPending && tried === channel.name}
                onClick={() => test.mutate({ params: { path: { name: channel.name } } })}
              >
                Test
              </Button>
            )}
          </Allowed>
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`More about ${channel.name}`}>
                <IconDots size={16} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => void navigate({ search: { channel: channel.name } })}>
                Its deliveries
              </Menu.Item>
              <Menu.Item
                disabled={!isAdmin || channel.origin.kind === 'file'}
                onClick={() => setChanged(channel)}
              >
                Change…
              </Menu.Item>
              <Menu.Item
                color="red"
                disabled={!isAdmin || channel.origin.kind === 'file'}
                onClick={() => askToRemove(channel)}
              >
                Delete…
              </Menu.Item>
              {channel.origin.kind === 'file' && (
                <Menu.Label>Changed in {channel.origin.place ?? 'its file'}</Menu.Label>
              )}
            </Menu.Dropdown>
          </Menu>
        </Group>
      ),
    },
  ];
  return (
    <Panel title="Channels" about={of && `Only ${of} are here.`} pad={false}>
      {tried && !test.isPending && (
        <TestAnswer name={tried} answer={test.data} error={test.error} close={() => test.reset()} />
      )}
      <DataTable
        name="channels"
        label="Notification channels"
        columns={columns}
        rows={channels.data}
        keyOf={(channel) => channel.name}
        error={channels.error}
        retry={() => void channels.refetch()}
        skeletonRows={3}
        empty={
          <Empty title="Nobody is told yet">
            A channel sends a message to Slack or to a webhook when a run fails or is held, when a sync is
            halted, and when it has recovered. Make one here, or under notifications in syncline.yaml.
          </Empty>
        }
      />
      {changed && <ChannelForm before={changed} close={() => setChanged(undefined)} />}
    </Panel>
  );
}

/** Its events in one line: `Run failed, run held`. */
function toldWords(channel: Channel): string {
  const words = told(channel).events.map(eventWord).join(', ').toLowerCase();
  return words ? words.charAt(0).toUpperCase() + words.slice(1) : 'No events';
}

/** A sign that something is wrong with a channel, and what. */
function Problems({ channel }: { channel: Channel }) {
  if (channel.problems.length === 0) return null;
  const label = (
    <List size="sm">
      {channel.problems.map(({ at, message, help }) => (
        <List.Item key={(at ?? '') + message}>
          {at && `${at}: `}
          {message} {help}
        </List.Item>
      ))}
    </List>
  );
  return (
    <Tooltip label={label} multiline maw={420}>
      <IconAlertTriangle
        size={15}
        color="var(--state-failed)"
        tabIndex={0}
        aria-label={channel.problems.map(({ message }) => message).join(' ')}
      />
    </Tooltip>
  );
}
