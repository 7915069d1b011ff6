import { Button, Center, Code, Group, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { client } from '../api/client';
import { ProblemNote } from '../ui/problem';
import { Logo } from './Logo';

/** Asks for a token and puts a session in its place. */
export function SignIn({ done, ended }: { done: () => void; ended: boolean }) {
  const [token, setToken] = useState('');
  const [isSending, setIsSending] = useState(false);
  const [error, setError] = useState<unknown>();

  async function send(event: FormEvent) {
    event.preventDefault();
    setIsSending(true);
    setError(undefined);
    try {
      await client.POST('/api/v1/session', { body: { token: token.trim() } });
      done();
    } catch (problem) {
      setError(problem);
    } finally {
      setIsSending(false);
    }
  }

  return (
    <Center mih="100vh" p="md" component="main">
      <form onSubmit={send} className="panel" style={{ padding: 28, width: '100%', maxWidth: 420 }}>
        <Stack gap="sm">
          <Group gap="xs">
            <Logo />
            <Title order={1}>Sign in to Syncline</Title>
          </Group>
          {ended && (
            <Text size="sm" role="status">
              Your session ended. Sign in again to go on where you were.
            </Text>
          )}
          <PasswordInput
            label="Token"
            description="The server printed an admin token when it first started."
            placeholder="sl_…"
            autoComplete="current-password"
            autoFocus
            required
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
          />
          {error !== undefined && <ProblemNote error={error} />}
          <Button type="submit" size="sm" loading={isSending} disabled={token.trim() === ''}>
            Sign in
          </Button>
          <Text size="sm" c="dimmed">
            Lost it? On the server's machine, <Code>syncline token create --name me --role admin</Code> makes
            another.
          </Text>
        </Stack>
      </form>
    </Center>
  );
}
