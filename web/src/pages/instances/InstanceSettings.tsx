import { Button, Group, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { ApiError, api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { counted } from '../../ui/format';
import { Conflict, ifMatch } from '../../ui/origin';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { errorsOf } from './document';
import { Ends } from './Ends';

/** Gives an instance other connections. */
export function InstanceSettings({ instance }: { instance: Schemas['InstanceView'] }) {
  // What the change is based on stays, also when somebody else saves another version meanwhile.
  const [base, setBase] = useState(instance);
  const { name, origin, document, syncs } = base;
  const [ends, setEnds] = useState<{ source: string | null; target: string | null }>(base);
  const save = api.useMutation('put', '/api/v1/instances/{name}', {
    onSuccess: (saved) => {
      setBase(saved.instance);
      tellDone(`The instance ${name} is saved.`);
    },
  });
  const { fields, rest } = errorsOf(save.error);
  const isFile = origin.kind === 'file';
  const isSame = ends.source === base.source && ends.target === base.target;
  function submit(event: FormEvent) {
    event.preventDefault();
    save.mutate({
      params: { path: { name }, header: ifMatch(origin) },
      body: { document: { ...document, source: ends.source, target: ends.target } },
    });
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md" maw={640}>
        <Ends
          source={ends.source}
          target={ends.target}
          onChange={setEnds}
          errors={fields}
          disabled={isFile}
        />
        {save.error instanceof ApiError && save.error.problem.status === 412 ? (
          <Conflict what="instance" />
        ) : rest ? (
          <ProblemNote error={rest} />
        ) : null}
        {!isFile && (
          <>
            {!isSame && syncs.length > 0 && (
              <Text size="sm" c="dimmed">
                From the next run on {counted(syncs.length, 'sync')} will use the new connections. What was
                delivered to the target before stays there.
              </Text>
            )}
            <Group>
              <Allowed role="admin">
                {(disabled) => (
                  <Button type="submit" disabled={disabled || isSame} loading={save.isPending}>
                    Save
                  </Button>
                )}
              </Allowed>
            </Group>
          </>
        )}
      </Stack>
    </form>
  );
}
