import {
  Alert,
  Button,
  Group,
  Modal,
  NumberInput,
  Radio,
  Select,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { api, queries } from '../../api/client';
import type { Role, Schemas } from '../../api/types';
import { CopyText } from '../../ui/copy';
import { ProblemNote } from '../../ui/problem';

const ROLES: Record<Role, string> = {
  viewer: 'Looks at everything but tokens and the audit log.',
  operator: 'Also runs, cancels, approves and activates syncs, and settles dead letters.',
  admin: 'Also changes connections, instances, notifications and tokens, and reads the audit log.',
};
const LIVES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
  { value: 'other', label: 'Another time' },
  { value: 'never', label: 'Never expires' },
];

/** Asks what a token is to be; then shows its secret, once. */
export function NewToken({ close }: { close: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [life, setLife] = useState('90');
  const [days, setDays] = useState<number | string>(7);
  const [made, setMade] = useState<Schemas['CreatedToken']>();
  const create = api.useMutation('post', '/api/v1/tokens', {
    onSuccess: (token) => {
      setMade(token);
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/tokens'] });
    },
  });
  const expires = life === 'never' ? undefined : Number(life === 'other' ? days : life);

  function send(event: FormEvent) {
    event.preventDefault();
    create.mutate({ body: { name: name.trim(), role, expires_in_days: expires } });
  }

  return (
    <Modal
      opened
      onClose={close}
      title={made ? `Token ${made.name}` : 'New token'}
      closeOnClickOutside={!made}
      closeOnEscape={!made}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {made ? (
        <Stack gap="sm">
          <Alert icon={<IconAlertTriangle />} color="yellow" variant="outline" title="Copy it now">
            <Text size="sm">It is shown only this once. The server keeps nothing but its hash.</Text>
          </Alert>
          <div className="panel" style={{ padding: '8px 12px' }}>
            <CopyText value={made.secret} label="token" />
          </div>
          <Text size="sm" c="dimmed">
            Send it as <code>Authorization: Bearer …</code>, or sign in with it here.
          </Text>
          <Group justify="flex-end">
            <Button onClick={close}>Done</Button>
          </Group>
        </Stack>
      ) : (
        <form onSubmit={send}>
          <Stack gap="sm">
            <TextInput
              label="Name"
              description="What it is for: it stands in the audit log."
              placeholder="deploy pipeline"
              required
              maxLength={100}
              data-autofocus
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Radio.Group label="Role" value={role} onChange={(value) => setRole(value as Role)} name="role">
              <Stack gap={8} mt={4}>
                {(Object.keys(ROLES) as Role[]).map((each) => (
                  <Radio key={each} size="xs" value={each} label={each} description={ROLES[each]} />
                ))}
              </Stack>
            </Radio.Group>
            <Group gap="sm" align="flex-end">
              <Select
                label="Expires"
                data={LIVES}
                value={life}
                onChange={(value) => setLife(value ?? '90')}
                allowDeselect={false}
              />
              {life === 'other' && (
                <NumberInput
                  label="Days"
                  min={1}
                  max={3650}
                  allowDecimal={false}
                  value={days}
                  onChange={setDays}
                  w={90}
                />
              )}
            </Group>
            {create.error ? <ProblemNote error={create.error} /> : null}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={close}>
                Back
              </Button>
              <Button
                type="submit"
                loading={create.isPending}
                disabled={name.trim() === '' || expires === 0 || Number.isNaN(expires)}
              >
                Make the token
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
