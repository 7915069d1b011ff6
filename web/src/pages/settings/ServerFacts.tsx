import { Skeleton, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import { Facts } from '../../ui/facts';
import { count } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { RUN_STATUSES, statusWord } from '../../ui/status';
import { Ago, Elapsed } from '../../ui/time';
import { useServer } from './server';

const STATES: Record<string, string> = {
  sqlite: 'SQLite, of this server alone',
  postgres: 'PostgreSQL, which several servers can share',
};

/** What runs here, since when, and with what. */
export function ServerFacts() {
  const { data: server, error, refetch } = useServer();
  return (
    <Panel title="Server">
      {error && !server ? (
        <ProblemNote error={error} retry={() => void refetch()} />
      ) : server ? (
        <Facts
          of={{
            Version: <span className="mono">{server.version}</span>,
            Worker: <span className="mono">{server.worker}</span>,
            State: STATES[server.state] ?? server.state,
            Address: server.base_url && <span className="mono">{server.base_url}</span>,
            Environment: server.environment ?? 'none',
            Started: <Ago at={server.started_at} />,
            'Up for': <Elapsed from={server.started_at} />,
            'Runs at once': `${count(server.parallel)} at most`,
            'Runs kept': <Runs counts={server.runs} />,
          }}
        />
      ) : (
        <Stack gap="xs">
          {['90%', '70%', '80%', '60%', '75%'].map((width) => (
            <Skeleton key={width} height={14} width={width} />
          ))}
        </Stack>
      )}
    </Panel>
  );
}

/** How many runs there are of each status, each leading to them. */
function Runs({ counts }: { counts: Record<string, number> }) {
  const there = RUN_STATUSES.filter((status) => counts[status]);
  if (there.length === 0) return 'none';
  return (
    <>
      {there.map((status, n) => (
        <Fragment key={status}>
          {n > 0 && ', '}
          <Link to="/runs" search={{ status }} className="link num">
            {count(counts[status] ?? 0)} {statusWord(status).toLowerCase()}
          </Link>
        </Fragment>
      ))}
    </>
  );
}
