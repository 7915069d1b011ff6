import { Anchor, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { errorsOf } from './document';
import { Ends } from './Ends';
import { instancesRoute } from './route';

/** Pairs two connections; syncs are added to the pair afterwards. */
export function NewInstance() {
  const navigate = instancesRoute.useNavigate();
  const { source, table, file } = instancesRoute.useSearch();
  const [name, setName] = useState('');
  const [ends, setEnds] = useState<{ source: string | null; target: string | null }>({
    source: source ?? null,
    target: null,
  });
  const make = api.useMutation('post', '/api/v1/instances', {
    onSuccess: ({ instance }) => {
      tellDone(`The instance ${instance.name} is made. Next: what travels?`);
      void navigate({ to: '/new-sync', search: { instance: instance.name, table, file } });
    },
  });
  const { fields, rest } = errorsOf(make.error);
  function submit(event: FormEvent) {
    event.preventDefault();
    make.mutate({ body: { document: { instance: name.trim(), ...ends, entities: {} } } });
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          label="Name"
          description="The first part of the ids of its syncs, such as crm in crm.contact"
          required
          placeholder="crm"
          value={name}
          error={fields.instance}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <Ends {...ends} onChange={setEnds} errors={fields} />
        <Text size="sm" c="dimmed">
          Is the system not in the list?{' '}
          <Anchor
            component={Link}
            to="/new-connection"
            search={{ next: 'instance' } as never}
            inherit
            underline="always"
          >
            Make a connection to it
          </Anchor>{' '}
          first.
        </Text>
        {rest ? <ProblemNote error={rest} /> : null}
        <Group justify="flex-end">
          <Button
            type="submit"
            loading={make.isPending}
            disabled={!name.trim() || !ends.source || !ends.target}
          >
            Make it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
