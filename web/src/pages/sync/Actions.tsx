import { Button } from '@mantine/core';
import { IconPencil, IconPlayerPause, IconPlayerPlay, IconPower } from '@tabler/icons-react';
import type { Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { ButtonLink } from '../../ui/link';
import { useSyncActions } from '../../ui/sync-actions';

/** What can be done with a sync. */
export function Actions({ sync }: { sync: Sync }) {
  const actions = useSyncActions();
  const isActive = sync.state === 'active';
  return (
    <>
      {sync.origin === 'api' && (
        <ButtonLink
          to="/syncs/$syncId/edit"
          params={{ syncId: sync.id }}
          variant="default"
          leftSection={<IconPencil size={16} />}
        >
          Edit
        </ButtonLink>
      )}
      <Allowed role="operator">
        {(disabled) => (
          <Button
            variant="default"
            disabled={disabled || actions.isBusy}
            leftSection={isActive ? <IconPlayerPause size={16} /> : <IconPower size={16} />}
            onClick={() => (isActive ? actions.deactivate(sync) : actions.activate(sync))}
          >
            {isActive ? 'Deactivate' : 'Activate'}
          </Button>
        )}
      </Allowed>
      <ButtonLink
        to="/trigger"
        search={{ instance: sync.instance, entity: sync.entity }}
        leftSection={<IconPlayerPlay size={16} />}
      >
        Run now
      </ButtonLink>
    </>
  );
}
