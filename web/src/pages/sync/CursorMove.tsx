import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { modals } from '@mantine/modals';
import { type FormEvent, useState } from 'react';
import { api, queries } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { tellDone, tellProblem } from '../../ui/tell';

type Cursor = Schemas['CursorView'];

/** Sets or resets a cursor; both say first what follows. */
export function MoveButtons({ sync, cursor }: { sync: Sync; cursor: Cursor }) {
  const move = api.useMutation('put', '/api/v1/syncs/{sync_id}/cursor', {
    onSuccess: ({ value }) => {
      tellDone(value ? `The cursor is at ${value}.` : 'The cursor is reset.');
      const shown = ['', '/cursor', '/cursor/history'].map((part) => `/api/v1/syncs/{sync_id}${part}`);
      void queries.invalidateQueries({ predicate: ({ queryKey }) => shown.includes(String(queryKey[1])) });
    },
    onError: (error) => tellProblem('The cursor was not moved', error),
  });
  const to = (value: string | null) => {
    modals.closeAll();
    move.mutate({ params: { path: { sync_id: sync.id } }, body: { value } });
  };
  return (
    <Group gap="xs">
      <Allowed role="operator">
        {(disabled) => (
          <Button
            variant="default"
            disabled={disabled || move.isPending}
            onClick={() =>
              modals.open({
                title: `Set the cursor of ${sync.id}`,
                children: <SetForm cursor={cursor} set={to} />,
              })
            }
          >
            Set
          </Button>
        )}
      </Allowed>
      <Allowed role="operator">
        {(disabled) => (
          <Button
            variant="default"
            disabled={disabled || move.isPending || !cursor.value}
            onClick={() =>
              modals.openConfirmModal({
                title: `Reset the cursor of ${sync.id}?`,
                children: <ResetNote cursor={cursor} />,
                labels: { confirm: 'Reset', cancel: 'Leave it' },
                confirmProps: { color: 'red' },
                onConfirm: () => to(null),
              })
            }
          >
            Reset
          </Button>
        )}
      </Allowed>
    </Group>
  );
}

function ResetNote({ cursor }: { cursor: Cursor }) {
  return (
    <Text size="sm">
      The next run reads the whole model again instead of what lies past{' '}
      <span className="mono">{cursor.value}</span>. Records that did not change are skipped, so nothing is
      sent twice; the run takes as long as the first.
    </Text>
  );
}

function SetForm({ cursor, set }: { cursor: Cursor; set: (value: string) => void }) {
  const [value, setValue] = useState(cursor.value ?? '');
  const send = (event: FormEvent) => {
    event.preventDefault();
    set(value.trim());
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={`Value of ${cursor.column}`}
          description="Written as the column has it."
          className="mono"
          data-autofocus
          value={value}
          onChange={(event) => setValue(event.currentTarget.value)}
        />
        <Text size="sm">
          Back: what lies between is read again, and skipped where it did not change. Forward: what lies
          between and was not read yet is passed over, and reaches the target only when it changes or the
          cursor is reset. No run of the sync may be active.
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => modals.closeAll()}>
            Leave it
          </Button>
          <Button type="submit" color="red" disabled={value.trim() === '' || value.trim() === cursor.value}>
            Set
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
