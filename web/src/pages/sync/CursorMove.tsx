import { Button, Group, Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { modals } from '@mantine/modals';
import { type FormEvent, useEffect, useState } from 'react';
import { ApiError, api, queries } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { count, counted } from '../../ui/format';
import { ProblemNote } from '../../ui/problem';
import { tellDone, tellProblem } from '../../ui/tell';

type Cursor = Schemas['CursorView'];

/** Sets or resets a cursor; both count first what follows. */
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
  const button = (label: string, isOff: boolean, open: () => void) => (
    <Allowed role="operator">
      {(disabled) => (
        <Button variant="default" disabled={disabled || isOff || move.isPending} onClick={open}>
          {label}
        </Button>
      )}
    </Allowed>
  );
  return (
    <Group gap="xs">
      {button('Set', false, () =>
        modals.open({
          title: `Set the cursor of ${sync.id}`,
          children: <SetForm sync={sync} cursor={cursor} set={to} />,
        }),
      )}
      {button('Reset', !cursor.value, () =>
        modals.open({
          title: `Reset the cursor of ${sync.id}?`,
          children: <ResetForm sync={sync} reset={() => to(null)} />,
        }),
      )}
    </Group>
  );
}

/** Counts what a move means; it reads the whole column, so it is asked for, not repeated. */
function useEffectOfMove(sync: Sync) {
  const asked = api.useMutation('post', '/api/v1/syncs/{sync_id}/cursor/effect');
  const { mutate } = asked;
  return {
    ...asked,
    ask: (value: string | null) => mutate({ params: { path: { sync_id: sync.id } }, body: { value } }),
    /** The value is one, even where the source cannot be counted now. */
    isAnswered: asked.isSuccess || (asked.error instanceof ApiError && asked.error.problem.status >= 500),
  };
}

function ResetForm({ sync, reset }: { sync: Sync; reset: () => void }) {
  const effect = useEffectOfMove(sync);
  // biome-ignore lint/correctness/useExhaustiveDependencies: counted once, when it opens
  useEffect(() => effect.ask(null), []);
  return (
    <Stack gap="sm">
      <Text size="sm">
        The next run reads the whole model again. Records that did not change are skipped, so nothing is sent
        twice.
      </Text>
      <Effect effect={effect} />
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={() => modals.closeAll()}>
          Leave it
        </Button>
        <Button color="red" disabled={!effect.isAnswered} onClick={reset}>
          Reset
        </Button>
      </Group>
    </Stack>
  );
}

function SetForm(props: { sync: Sync; cursor: Cursor; set: (value: string) => void }) {
  const { sync, cursor, set } = props;
  const [value, setValue] = useState(cursor.value ?? '');
  const effect = useEffectOfMove(sync);
  const wanted = value.trim();
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (effect.isAnswered) set(wanted);
    else effect.ask(wanted);
  };
  return (
    <form onSubmit={send}>
      <Stack gap="sm">
        <TextInput
          label={`Value of ${cursor.column}`}
          description="Written as the column has it."
          data-autofocus
          value={value}
          onChange={(event) => {
            setValue(event.currentTarget.value);
            effect.reset();
          }}
        />
        <Text size="sm">
          Moved back, what lies between is read again and skipped where it did not change. Moved forward, what
          was not read yet is passed over, and is delivered only once it changes or the cursor is reset.
        </Text>
        <Effect effect={effect} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => modals.closeAll()}>
            Leave it
          </Button>
          <Button
            type="submit"
            color={effect.isAnswered ? 'red' : undefined}
            disabled={wanted === '' || wanted === cursor.value}
            loading={effect.isPending}
          >
            {effect.isAnswered ? 'Set the cursor' : 'Count what follows'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Effect({ effect }: { effect: ReturnType<typeof useEffectOfMove> }) {
  if (effect.isPending) return <Skeleton h={20} />;
  if (effect.error) return <ProblemNote error={effect.error} />;
  if (!effect.data) return null;
  const { read, again, passed_over } = effect.data;
  return (
    <div role="status">
      <Text size="sm" fw={600}>
        The next run reads {counted(read, 'record')}, {count(again)} of them again.
      </Text>
      {passed_over > 0 && (
        <Text size="sm" fw={600} c="var(--state-failed)">
          {counted(passed_over, 'record')} not read yet {passed_over === 1 ? 'is' : 'are'} passed over.
        </Text>
      )}
    </div>
  );
}
