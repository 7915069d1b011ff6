import { Alert, Button, List, Skeleton, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconCircleCheck, IconKeyOff } from '@tabler/icons-react';
import { api, queries } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { count, counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { Mark } from '../../ui/status';
import { type Column, DataTable } from '../../ui/table';
import { tellProblem } from '../../ui/tell';
import { useServer } from './server';

type Key = Schemas['EncryptionKeyView'];

/** The keys that encrypt secrets in the state; only their ids are ever shown. */
export function Keys() {
  const keys = useServer().data?.encryption_keys;
  const rotate = api.useMutation('post', '/api/v1/server/rotate-keys', {
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['get', '/api/v1/server'] }),
    onError: (error) => tellProblem('The keys were not rotated', error),
  });
  if (!keys) return <Skeleton height={150} />;
  const newest = keys[0]?.id;
  const older = keys.filter((key) => key.id !== newest).reduce((sum, key) => sum + key.secrets, 0);

  function ask() {
    modals.openConfirmModal({
      title: 'Encrypt every secret under the newest key?',
      children: (
        <Text size="sm">
          {counted(older, 'secret')} of older keys will be encrypted under{' '}
          <span className="mono">{newest}</span>. An older key without secrets can be taken away afterwards.
          Doing it again changes nothing.
        </Text>
      ),
      labels: { confirm: 'Rotate', cancel: 'Not now' },
      onConfirm: () => rotate.mutate({}),
    });
  }

  const columns: Column<Key>[] = [
    {
      id: 'id',
      title: 'Key',
      always: true,
      cell: (key) => (
        <>
          <span className="mono">{key.id}</span>
          {key.id === newest && ' (newest)'}
        </>
      ),
    },
    { id: 'secrets', title: 'Secrets', figure: true, cell: (key) => count(key.secrets) },
    {
      id: 'there',
      title: 'Here',
      cell: (key) =>
        key.available ? (
          <Mark icon={IconCircleCheck} color="var(--state-completed)" word="Yes" />
        ) : (
          <Mark icon={IconKeyOff} color="var(--state-failed)" word="No: its secrets cannot be used" />
        ),
    },
  ];
  return (
    <Panel
      title="Encryption keys"
      about="They encrypt the secrets of what was made here. The newest one encrypts."
      actions={
        <Allowed role="admin">
          {(disabled) => (
            <Button variant="default" disabled={disabled} loading={rotate.isPending} onClick={ask}>
              Rotate…
            </Button>
          )}
        </Allowed>
      }
      pad={false}
    >
      {rotate.data && <Rotated result={rotate.data} />}
      <DataTable
        name="keys"
        label="Encryption keys"
        columns={columns}
        rows={keys}
        keyOf={(key) => key.id}
        empty={<Empty title="No keys">The server was started without one: it keeps no secrets.</Empty>}
      />
    </Panel>
  );
}

function Rotated({ result }: { result: Schemas['RotatedKeysView'] }) {
  const isBad = result.undecryptable > 0;
  return (
    <div style={{ padding: '0 16px 12px' }}>
      <Alert
        color={isBad ? 'red' : 'green'}
        variant="outline"
        title={isBad ? `${counted(result.undecryptable, 'secret')} could not be read` : 'Rotated'}
        role="status"
      >
        <Text size="sm">
          {count(result.rotated)} encrypted anew, {count(result.current)} were under{' '}
          <span className="mono">{result.key_id}</span> already.
        </Text>
        {result.problems.length > 0 && (
          <List size="sm">
            {result.problems.map((problem) => (
              <List.Item key={(problem.at ?? '') + problem.message}>
                {problem.at && <span className="mono">{problem.at}: </span>}
                {problem.message}
              </List.Item>
            ))}
          </List>
        )}
      </Alert>
    </div>
  );
}
