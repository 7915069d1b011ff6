import { Button, Skeleton } from '@mantine/core';
import { IconLogout } from '@tabler/icons-react';
import { api } from '../../api/client';
import { useSession } from '../../api/session';
import { signOut } from '../../shell/Gate';
import { Facts } from '../../ui/facts';
import { exact } from '../../ui/format';
import { Panel } from '../../ui/page';
import { tellProblem } from '../../ui/tell';
import { Ago } from '../../ui/time';

const MAY: Record<string, string> = {
  viewer: 'viewer: looks at everything but tokens and the audit log',
  operator: 'operator: also runs and settles',
  admin: 'admin: may do everything',
};

/** Whose session this is, and its end. */
export function Who() {
  const session = useSession();
  const end = api.useMutation('delete', '/api/v1/session', {
    onSuccess: signOut,
    onError: (error) => tellProblem('You are still signed in', error),
  });
  return (
    <Panel
      title="You"
      actions={
        <Button
          variant="default"
          leftSection={<IconLogout size={14} aria-hidden />}
          loading={end.isPending}
          onClick={() => end.mutate({})}
        >
          Sign out
        </Button>
      }
    >
      {session ? (
        <Facts
          of={{
            Token: session.name,
            Role: MAY[session.role] ?? session.role,
            'Session ends': session.expires_at ? (
              <>
                <Ago at={session.expires_at} /> ({exact(session.expires_at)})
              </>
            ) : (
              'with the token'
            ),
          }}
        />
      ) : (
        <Skeleton height={60} />
      )}
    </Panel>
  );
}
