import { Center, Loader } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { ApiError, api, client, queries, Unreachable, whenSignedOut } from '../api/client';
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
/** What a timer can wait for, in milliseconds. */
const LONGEST_WAIT = 2_147_000_000;
/** While the server is away, it is asked this often, in milliseconds. */
const ASK_EVERY = 2_000;
const SESSION = '/api/v1/session';
let opening: Promise<unknown> | undefined;

/** Forgets what was shown, for whoever sits here next. */
function forget() {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[1] !== SESSION });
}

/** After a person ended the session: asks for a token. */
export function signOut() {
  forget();
  void queries.resetQueries({ queryKey: ['get', SESSION] });
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
      refetchInterval: ({ state }) => (state.error instanceof Unreachable ? ASK_EVERY : false),
    },
  );
  const { refetch } = session;
  const endsAt = session.data?.expires_at;

  useEffect(() => {
    whenSignedOut(() => {
      forget();
      void refetch();
    });
  }, [refetch]);

  useEffect(() => {
    const left = endsAt ? new Date(endsAt).getTime() - Date.now() : 0;
    if (left <= 0 || left > LONGEST_WAIT) return;
    const ended = setTimeout(() => void refetch(), left + 1_000);
    return () => clearTimeout(ended);
  }, [endsAt, refetch]);

  useEffect(() => {
    if (!given) return;
    // A token that is no longer valid leads to the page that asks for one.
    opening ??= client.POST('/api/v1/session', { body: { token: given } }).catch(() => {});
    void opening.finally(() => setIsOpening(false));
  }, []);

  if (session.error instanceof ApiError && session.error.problem.status === 401) {
    return <SignIn ended={session.data !== undefined} done={() => void refetch()} />;
  }
  // Whoever was let in stays while the server is away: the pages say so.
  if (session.data) return children;
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
