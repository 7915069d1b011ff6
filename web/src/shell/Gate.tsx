import { Center, Loader } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { ApiError, api, client, queries, whenSignedOut } from '../api/client';
import { ProblemNote } from '../ui/problem';
import { SignIn } from './SignIn';

/** A token in the address, `/#token=…`, opens a session once and is taken out of the address. */
function tokenOfAddress(): string | undefined {
  const found = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (!found) return undefined;
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return found;
}

const given = tokenOfAddress();
const SESSION = '/api/v1/session';
let opening: Promise<unknown> | undefined;

/** Forgets what was shown and asks who is there: after a session ended, the page that asks for a token. */
export function signOut() {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[1] !== SESSION });
  void queries.refetchQueries({ queryKey: ['get', SESSION] });
}

/** The pages are for those with a session; others sign in first. */
export function Gate({ children }: { children: ReactNode }) {
  const [isOpening, setIsOpening] = useState(given !== undefined);
  const session = api.useQuery(
    'get',
    SESSION,
    {},
    {
      enabled: !isOpening,
      staleTime: Number.POSITIVE_INFINITY,
      retry: false,
    },
  );
  const { refetch } = session;

  useEffect(() => {
    whenSignedOut(signOut);
  }, []);

  useEffect(() => {
    if (!given) return;
    // A token that is no longer valid leads to the page that asks for one.
    opening ??= client.POST('/api/v1/session', { body: { token: given } }).catch(() => {});
    void opening.finally(() => setIsOpening(false));
  }, []);

  if (session.data && !session.isError) return children;
  if (session.error instanceof ApiError && session.error.problem.status === 401) {
    return <SignIn done={() => void refetch()} />;
  }
  if (session.error) {
    return (
      <Center mih="60vh" p="md">
        <div style={{ maxWidth: 520, width: '100%' }}>
          <ProblemNote error={session.error} retry={() => void refetch()} />
        </div>
      </Center>
    );
  }
  return (
    <Center mih="60vh">
      <Loader size="sm" aria-label="Loading" />
    </Center>
  );
}
