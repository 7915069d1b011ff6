import { ActionIcon, Button, Group, Text, Tooltip } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconPlayerPause, IconPlayerPlay, IconPlus, IconPower } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../api/client';
import type { Sync } from '../api/types';
import { Allowed } from './allowed';
import { duration } from './format';
import { tellDone, tellProblem } from './tell';
import { Ago } from './time';

/** What must be known of a sync to act on it. */
type Actionable = Pick<Sync, 'id' | 'state' | 'next_run_at'> & Partial<Pick<Sync, 'halted'>>;

/** What can be done with a sync from anywhere; it asks first where runs are stopped or a halt is lifted. */
export function useSyncActions() {
  const activation = api.useMutation('post', '/api/v1/syncs/{sync_id}/activate');
  const deactivation = api.useMutation('post', '/api/v1/syncs/{sync_id}/deactivate');
  const trigger = api.useMutation('post', '/api/v1/syncs/{sync_id}/trigger');

  function activateNow(sync: Actionable) {
    activation.mutate(
      { params: { path: { sync_id: sync.id } } },
      {
        onSuccess: (now) => tellDone(activated(sync.id, now.next_run_at)),
        onError: (error) => tellProblem(`${sync.id} was not activated`, error),
      },
    );
  }

  function deactivateNow(sync: Actionable) {
    deactivation.mutate(
      { params: { path: { sync_id: sync.id } } },
      {
        onSuccess: () => tellDone(`${sync.id} is inactive.`),
        onError: (error) => tellProblem(`${sync.id} was not deactivated`, error),
      },
    );
  }

  return {
    isBusy: activation.isPending || deactivation.isPending || trigger.isPending,

    activate(sync: Actionable) {
      if (sync.state !== 'halted') {
        activateNow(sync);
        return;
      }
      modals.openConfirmModal({
        title: `Activate ${sync.id} again?`,
        children: <HaltNote sync={sync} />,
        labels: { confirm: 'Activate', cancel: 'Leave it halted' },
        onConfirm: () => activateNow(sync),
      });
    },

    deactivate(sync: Actionable) {
      modals.openConfirmModal({
        title: `Deactivate ${sync.id}?`,
        children: (
          <Text size="sm">
            It no longer runs by itself
            {sync.next_run_at && (
              <>
                : its next run, due <Ago at={sync.next_run_at} />, is removed
              </>
            )}
            . Queued runs of its schedule are cancelled; a run that goes on finishes. It can still be run by
            hand.
          </Text>
        ),
        labels: { confirm: 'Deactivate', cancel: 'Leave it active' },
        confirmProps: { color: 'red' },
        onConfirm: () => deactivateNow(sync),
      });
    },

    runNow(sync: Actionable) {
      trigger.mutate(
        { params: { path: { sync_id: sync.id } }, body: { trigger: 'manual' } },
        {
          onSuccess: () => tellDone(`A run of ${sync.id} is on its way.`),
          onError: (error) => tellProblem(`${sync.id} was not run`, error),
        },
      );
    },
  };
}

function activated(id: string, next: string | null | undefined): string {
  if (!next) return `${id} is active.`;
  const seconds = (new Date(next).getTime() - Date.now()) / 1000;
  return seconds < 1 ? `${id} is active and runs now.` : `${id} is active. It runs in ${duration(seconds)}.`;
}

/** Why a sync stands still, and what activating it means. */
function HaltNote({ sync }: { sync: Actionable }) {
  return (
    <Text size="sm">
      {sync.halted && (
        <>
          It was halted <Ago at={sync.halted.since} />: {sync.halted.reason}
          {/[.!?]$/.test(sync.halted.reason) ? ' ' : '. '}
        </>
      )}
      Activate it when the cause is gone. It then runs by its schedule again, and halts again if it goes on
      failing.
    </Text>
  );
}

/** The two things that are done with a sync most, for the end of a row in a table. */
export function SyncActions({ sync, canRun = true }: { sync: Actionable; canRun?: boolean }) {
  const actions = useSyncActions();
  const isActive = sync.state === 'active';
  const isHalted = sync.state === 'halted';
  const change = isActive ? `Deactivate ${sync.id}` : `Activate ${sync.id}`;
  const run = isHalted ? `${sync.id} is halted: activate it first` : `Run ${sync.id} now`;
  return (
    <Group gap={4} wrap="nowrap" justify="flex-end">
      {canRun && (
        <Allowed role="operator">
          {(disabled) => (
            <Tooltip label={run}>
              <ActionIcon
                variant="subtle"
                color="gray"
                size="md"
                aria-label={run}
                disabled={disabled || isHalted || actions.isBusy}
                bg={isHalted ? 'transparent' : undefined}
                onClick={() => actions.runNow(sync)}
              >
                <IconPlayerPlay size={16} stroke={1.8} />
              </ActionIcon>
            </Tooltip>
          )}
        </Allowed>
      )}
      <Allowed role="operator">
        {(disabled) => (
          <Tooltip label={change}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="md"
              aria-label={change}
              disabled={disabled || actions.isBusy}
              onClick={() => (isActive ? actions.deactivate(sync) : actions.activate(sync))}
            >
              {isActive ? <IconPlayerPause size={16} stroke={1.8} /> : <IconPower size={16} stroke={1.8} />}
            </ActionIcon>
          </Tooltip>
        )}
      </Allowed>
    </Group>
  );
}

/** Leads to the page that makes a sync. */
export function NewSyncButton() {
  const content = { leftSection: <IconPlus size={16} aria-hidden />, children: 'New sync' };
  return (
    <Allowed role="admin">
      {(disabled) =>
        disabled ? <Button disabled {...content} /> : <Button component={Link} to="/new-sync" {...content} />
      }
    </Allowed>
  );
}
