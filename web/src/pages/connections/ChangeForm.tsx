import { Button, Group, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { ApiError, api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Conflict, ifMatch } from '../../ui/origin';
import { tellDone } from '../../ui/tell';
import { ConnectionForm } from './ConnectionForm';
import { CheckResult } from './check';
import { type Draft, errorsOf, sent } from './form';
import type { Connector } from './kind';

type Connection = Schemas['ConnectionView'];

/** Changes a connection that was made here; shows one of a file. */
export function ChangeForm({ connection, connector }: { connection: Connection; connector: Connector }) {
  // What the change is based on stays, also when somebody else saves another version meanwhile.
  const [base, setBase] = useState(connection);
  const { name, origin, secrets_set: stored } = base;
  const [draft, setDraft] = useState<Draft>({ name, document: withoutNulls(base.document) });
  const [tested, setTested] = useState<Draft>();
  const test = api.useMutation('post', '/api/v1/connections/check');
  const save = api.useMutation('put', '/api/v1/connections/{name}', {
    onSuccess: (saved) => {
      setBase(saved);
      setDraft({ name, document: withoutNulls(saved.document) });
      tellDone(`The connection ${name} is saved.`);
    },
  });
  const isFile = origin.kind === 'file';
  const isConflict = save.error instanceof ApiError && save.error.problem.status === 412;
  const { fields, rest } = errorsOf(save.error ?? test.error);
  function change(next: Draft) {
    setDraft(next);
    if (!isConflict) save.reset();
    if (test.error) test.reset();
  }
  function check() {
    setTested(draft);
    save.reset();
    test.mutate({ body: { name, document: sent(draft, stored) } });
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    const document = sent(draft, stored);
    save.mutate({ params: { path: { name }, header: ifMatch(origin) }, body: { document } });
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <ConnectionForm
          connector={connector}
          draft={draft}
          onChange={change}
          errors={fields}
          stored={stored}
          disabled={isFile}
        />
        {isConflict ? (
          <Conflict what="connection" />
        ) : (
          <CheckResult check={test.data} error={rest} stale={tested !== draft} />
        )}
        {!isFile && (
          <Group gap="xs">
            <Allowed role="admin">
              {(disabled) => (
                <Button variant="default" disabled={disabled} loading={test.isPending} onClick={check}>
                  Test these settings
                </Button>
              )}
            </Allowed>
            <Allowed role="admin">
              {(disabled) => (
                <Button type="submit" disabled={disabled} loading={save.isPending}>
                  Save
                </Button>
              )}
            </Allowed>
            {stored.length > 0 && (
              <Text size="sm" c="dimmed">
                Where it leads to another system, its secrets are asked for again.
              </Text>
            )}
          </Group>
        )}
      </Stack>
    </form>
  );
}

/** Secrets come as null; in the form they are not given. */
function withoutNulls(document: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null));
}
