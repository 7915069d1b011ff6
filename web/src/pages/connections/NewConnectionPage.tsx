import { Button, Group, SimpleGrid, Stack, Text, UnstyledButton } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import { Allowed } from '../../ui/allowed';
import { Page, Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { ConnectionForm } from './ConnectionForm';
import { CheckResult } from './check';
import classes from './connections.module.css';
import { type Draft, errorsOf } from './form';
import { abilities, type Connector, ConnectorSign, useConnectors } from './kind';
import { newConnectionRoute } from './route';

export function NewConnectionPage() {
  const { type } = newConnectionRoute.useSearch();
  const connectors = useConnectors();
  const connector = connectors.data?.find((one) => one.type === type);
  return (
    <Page
      title="New connection"
      about={connector ? connector.title : 'Which kind of system is it?'}
      crumbs={[{ label: 'Connections', to: '/connections' }]}
    >
      {connectors.error ? (
        <ProblemNote error={connectors.error} retry={() => void connectors.refetch()} />
      ) : null}
      {connectors.data && <Kinds connectors={connectors.data} chosen={type} />}
      {connector && <NewForm key={connector.type} connector={connector} />}
    </Page>
  );
}

function Kinds({ connectors, chosen }: { connectors: Connector[]; chosen?: string }) {
  const navigate = newConnectionRoute.useNavigate();
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm" role="radiogroup" aria-label="Kind of system">
      {connectors.map((connector) => (
        <UnstyledButton
          key={connector.type}
          className={classes.kind}
          role="radio"
          aria-checked={connector.type === chosen}
          onClick={() =>
            void navigate({ search: (now) => ({ ...now, type: connector.type }), replace: true })
          }
        >
          <Group gap="sm" wrap="nowrap">
            <ConnectorSign type={connector.type} size={22} />
            <div>
              <Text size="sm" fw={600}>
                {connector.title}
              </Text>
              <Text size="sm" c="dimmed">
                {connector.type}, {abilities(connector)}
              </Text>
            </div>
          </Group>
        </UnstyledButton>
      ))}
    </SimpleGrid>
  );
}

function NewForm({ connector }: { connector: Connector }) {
  const { next } = newConnectionRoute.useSearch();
  const navigate = newConnectionRoute.useNavigate();
  const [draft, setDraft] = useState<Draft>({ name: '', document: { type: connector.type } });
  const [tested, setTested] = useState<Draft>();
  const test = api.useMutation('post', '/api/v1/connections/check');
  const save = api.useMutation('post', '/api/v1/connections', {
    onSuccess: ({ name }) => {
      tellDone(`The connection ${name} is saved.`);
      void (next === 'instance'
        ? navigate({ to: '/instances', search: { make: true } })
        : navigate({ to: '/connections/$name', params: { name } }));
    },
  });
  const { fields, rest } = errorsOf(save.error ?? test.error);
  function change(next: Draft) {
    setDraft(next);
    save.reset();
    if (test.error) test.reset();
  }
  function check() {
    setTested(draft);
    test.mutate({ body: { document: draft.document } });
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    save.mutate({ body: { name: draft.name.trim(), document: draft.document } });
  }
  return (
    <form onSubmit={submit}>
      <Panel>
        <Stack gap="md">
          <ConnectionForm connector={connector} draft={draft} onChange={change} errors={fields} isNew />
          <CheckResult check={test.data} error={rest} stale={tested !== draft} />
          <Group gap="xs">
            <Allowed role="admin">
              {(disabled) => (
                <Button variant="default" disabled={disabled} loading={test.isPending} onClick={check}>
                  Test
                </Button>
              )}
            </Allowed>
            <Allowed role="admin">
              {(disabled) => (
                <Button
                  type="submit"
                  disabled={disabled || draft.name.trim() === ''}
                  loading={save.isPending}
                >
                  Save
                </Button>
              )}
            </Allowed>
            <Text size="sm" c="dimmed">
              Testing keeps nothing. A connection can also be saved before it works.
            </Text>
          </Group>
        </Stack>
      </Panel>
    </form>
  );
}
