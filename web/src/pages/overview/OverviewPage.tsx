import { Anchor, Button, Text } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAll } from '../../api/all';
import { api } from '../../api/client';
import { Empty } from '../../ui/empty';
import { ButtonLink } from '../../ui/link';
import { Page, Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { RunTable } from '../../ui/run-table';
import { GoingOn } from './GoingOn';
import { LastDay } from './LastDay';
import { NeedsYou } from './NeedsYou';
import classes from './overview.module.css';
import { useNeeds } from './useNeeds';
import { Welcome } from './Welcome';

/** Runs of the list of recent ones; those that wait for their time and that never ran are left out. */
const RECENT = 10;
const HAPPENED = 'queued,starting,running,completed,failed,source_failure,cancelled,held';

export function OverviewPage() {
  const syncs = useAll('/api/v1/syncs');
  const about = 'What needs you now, and how syncs are doing.';
  if (syncs.data?.length === 0)
    return (
      <Page title="Overview" about={about}>
        <Welcome />
      </Page>
    );
  return (
    <Page
      title="Overview"
      about={about}
      actions={
        <ButtonLink to="/trigger" leftSection={<IconPlayerPlay size={16} aria-hidden />}>
          Run a sync
        </ButtonLink>
      }
    >
      <div className={classes.top}>
        <Needs />
        <Now />
      </div>
      <LastDay />
      <Recent />
    </Page>
  );
}

function Needs() {
  const { needs, of, error, retry } = useNeeds();
  return (
    <Board title="Needs you now" error={needs ? undefined : error} retry={retry}>
      <NeedsYou needs={needs} />
      {of && (
        <Text size="xs" c="dimmed" px="md" py="xs">
          Errors that stay are looked for in {of} only.
        </Text>
      )}
    </Board>
  );
}

function Now() {
  const runs = api.useQuery('get', '/api/v1/runs', {
    params: { query: { status: 'queued,starting,running', per_page: 50 } },
  });
  const syncs = useAll('/api/v1/syncs');
  return (
    <Board
      title="Going on now"
      error={runs.data ? undefined : runs.error}
      retry={() => void runs.refetch()}
      more={
        <Anchor component={Link} to="/schedules" size="sm">
          What comes next
        </Anchor>
      }
    >
      <GoingOn runs={runs.data?.data} total={runs.data?.pagination.total ?? 0} syncs={syncs.data} />
    </Board>
  );
}

function Board(props: {
  title: string;
  error: unknown;
  retry: () => void;
  more?: ReactNode;
  children: ReactNode;
}) {
  const { title, error, retry, more, children } = props;
  return (
    <Panel title={title} actions={more} pad={false}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className={classes.board} tabIndex={0} aria-label={title}>
        {error ? <ProblemNote error={error} retry={retry} /> : children}
      </section>
    </Panel>
  );
}

function Recent() {
  const runs = api.useQuery('get', '/api/v1/runs', {
    params: { query: { status: HAPPENED, per_page: RECENT } },
  });
  return (
    <Panel
      title="Recent runs"
      pad={false}
      actions={
        <Anchor component={Link} to="/runs" size="sm">
          All runs
        </Anchor>
      }
    >
      <RunTable
        runs={runs.data?.data}
        withSync
        error={runs.error}
        retry={() => void runs.refetch()}
        skeletonRows={RECENT}
        empty={
          <Empty
            title="Nothing ran yet"
            action={
              <Button component={Link} to="/trigger" variant="default">
                Run a sync
              </Button>
            }
          >
            Runs stand here as they happen. A test run shows what a sync would do, and writes nothing.
          </Empty>
        }
      />
    </Panel>
  );
}
