import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { api, queries } from '../../api/client';
import { useSession } from '../../api/session';
import type { Schemas } from '../../api/types';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';

/** Says what ending a token means, then ends it. */
export function RevokeToken({ token, close }: { token: Schemas['TokenView']; close: () => void }) {
  const isOwn = useSession()?.token_id === token.id;
  const revoke = api.useMutation('delete', '/api/v1/tokens/{token_id}', {
    onSuccess: () => {
      tellDone(`The token ${token.name} was revoked.`);
      // Whoever revoked the own token is asked for another one.
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/tokens'] });
      close();
    },
  });
  return (
    <Modal
      opened
      onClose={close}
      title={`Revoke ${token.name}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text size="sm">
          It ends at once, with every session opened by it. What uses it gets 401 from then on. It cannot be
          brought back.
        </Text>
        {isOwn && (
          <Text size="sm" fw={600}>
            You are signed in with it: you will be signed out.
          </Text>
        )}
        {revoke.error ? <ProblemNote error={revoke.error} /> : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close} data-autofocus>
            Keep it
          </Button>
          <Button
            color="red"
            loading={revoke.isPending}
            onClick={() => revoke.mutate({ params: { path: { token_id: token.id } } })}
          >
            Revoke
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
