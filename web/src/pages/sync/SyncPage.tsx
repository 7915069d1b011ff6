import { Skeleton, Tabs, Text } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { Page } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { SyncState } from '../../ui/status';
import { Actions } from './Actions';
import { ConfigurationTab } from './ConfigurationTab';
import { CursorTab } from './CursorTab';
import { Facts } from './Facts';
import { GuidedPath } from './GuidedPath';
import { Notices } from './Notices';
import { RecordsTab } from './RecordsTab';
import { RunsTab } from './RunsTab';
import { syncRoute, TABS, type Tab } from './route';

const TrendsTab = lazy(() => import('./TrendsTab'));

const WORDS: Record<Tab, string> = {
  runs: 'Runs',
  trends: 'Trends',
  configuration: 'Configuration',
  cursor: 'Cursor',
  records: 'Records',
};

/** One sync: how it stands, what can be done with it, and everything about it in tabs. */
export function SyncPage() {
  const { syncId } = syncRoute.useParams();
  const {
    data: sync,
    error,
    refetch,
  } = api.useQuery('get', '/api/v1/syncs/{sync_id}', {
    params: { path: { sync_id: syncId } },
  });
  const crumbs = [{ label: 'Syncs', to: '/syncs' as const }];
  if (!sync) {
    return (
      <Page title={syncId} crumbs={crumbs}>
        {error ? (
          <ProblemNote error={error} retry={() => void refetch()} />
        ) : (
          <>
            <Skeleton height={72} />
            <Skeleton height={400} />
          </>
        )}
      </Page>
    );
  }
  return (
    <Page
      title={sync.id}
      mark={<SyncState state={sync.state} />}
      about={<About sync={sync} />}
      actions={<Actions sync={sync} />}
      crumbs={crumbs}
    >
      <Facts sync={sync} />
      <Notices sync={sync} />
      <GuidedPath sync={sync} />
      <SyncTabs sync={sync} />
    </Page>
  );
}

function About({ sync }: { sync: Sync }) {
  return (
    <Text size="sm" c="dimmed">
      From <span className="mono">{sync.source}</span> to <span className="mono">{sync.target}</span>, object{' '}
      <span className="mono">{sync.object}</span>.{' '}
      {sync.origin === 'file' ? (
        <>
          Defined in <span className="mono">{sync.place}</span> and changed there.
        </>
      ) : (
        'Made in the app or by the API.'
      )}
    </Text>
  );
}

function SyncTabs({ sync }: { sync: Sync }) {
  const { tab = 'runs' } = syncRoute.useSearch();
  const navigate = syncRoute.useNavigate();
  return (
    <Tabs
      value={tab}
      keepMounted={false}
      onChange={(value) => {
        const next = TABS.find((known) => known === value);
        if (next) void navigate({ search: { tab: next === 'runs' ? undefined : next }, resetScroll: false });
      }}
    >
      <Tabs.List mb="md" style={{ flexWrap: 'nowrap', overflowX: 'auto' }}>
        {TABS.map((name) => (
          <Tabs.Tab key={name} value={name}>
            {WORDS[name]}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="runs">
        <RunsTab sync={sync} />
      </Tabs.Panel>
      <Tabs.Panel value="trends">
        <Suspense fallback={<Skeleton height={520} />}>
          <TrendsTab sync={sync} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="configuration">
        <ConfigurationTab sync={sync} />
      </Tabs.Panel>
      <Tabs.Panel value="cursor">
        <CursorTab sync={sync} />
      </Tabs.Panel>
      <Tabs.Panel value="records">
        <RecordsTab sync={sync} />
      </Tabs.Panel>
    </Tabs>
  );
}
