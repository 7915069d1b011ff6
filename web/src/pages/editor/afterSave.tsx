import { Code, Stack, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { useNavigate } from '@tanstack/react-router';
import { client } from '../../api/client';
import type { Schemas } from '../../api/types';
import { tellDone, tellProblem } from '../../ui/tell';

/** What follows saving: a target that is missing is made if wanted, the first run starts if wanted. */
export function useAfterSave() {
  const navigate = useNavigate();
  return async (syncId: string, seed: boolean) => {
    const params = { path: { sync_id: syncId } };
    try {
      const { data: check } = await client.POST('/api/v1/syncs/{sync_id}/check', { params });
      const isMissing = check?.problems.some(({ code }) => code === 'target_missing') ?? false;
      if (check?.creation && isMissing && (await confirmCreation(check))) {
        await client.POST('/api/v1/syncs/{sync_id}/check', { params, body: { create: true } });
        tellDone('The target is made.');
      }
    } catch (error) {
      tellProblem(`${syncId} is saved, but could not be checked`, error);
    }
    if (seed) {
      try {
        await client.POST('/api/v1/syncs/{sync_id}/trigger', { params, body: { type: 'seed' } });
        tellDone('The seed run is queued.');
      } catch (error) {
        tellProblem(`${syncId} is saved, but its seed run did not start`, error);
      }
    }
    await navigate({ to: '/syncs/$syncId', params: { syncId } });
  };
}

function confirmCreation(check: Schemas['SyncCheck']): Promise<boolean> {
  return new Promise((decide) => {
    modals.openConfirmModal({
      title: 'The target does not exist yet',
      size: 'lg',
      children: (
        <Stack gap="xs">
          <Text size="sm">The sync is saved. Its target can be made now, like this:</Text>
          <Code block>{check.creation}</Code>
        </Stack>
      ),
      labels: { confirm: 'Make it', cancel: 'Not now' },
      onConfirm: () => decide(true),
      onCancel: () => decide(false),
      onClose: () => decide(false),
    });
  });
}
