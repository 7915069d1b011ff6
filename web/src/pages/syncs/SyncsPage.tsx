import { Badge, Button, Group, Text, Tooltip } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useAll } from '../../api/all';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { Empty } from '../../ui/empty';
import { ChoiceFilter, FilterBar, SearchFilter } from '../../ui/filters';
import { count } from '../../ui/format';
import { firstOf } from '../../ui/narrow';
import { Page, Panel } from '../../ui/page';
import { RunStatus, SYNC_STATES, SyncState, syncStateWord } from '../../ui/status';
import { NewSyncButton, SyncActions } from '../../ui/sync-actions';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { SyncTrend, type Trends, useTrends } from '../../ui/trend';
import { syncsRoute } from './route';

/** Syncs on a page of the list. */
const PER_PAGE = 50;

export function SyncsPage() {
  const search = syncsRoute.useSearch();
  const navigate = syncsRoute.useNavigate();
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: { ...search, page: undefined, ...change }, replace: true });
  const isFiltered = Boolean(search.q || search.instance || search.state || search.tag);
  const all = useAll('/api/v1/syncs', {}, { defined: true });
  const names = (of: (sync: Sync) => string[]) => [...new Set(all.data?.flatMap(of))].sort();
  const tags = names((sync) => sync.tags);
  const instances = names((sync) => [sync.instance]);
  const { q, instance, state, tag, page = 1 } = search;
  const found = api.useQuery(
    'get',
    '/api/v1/syncs',
    { params: { query: { q, instance, state, tag, page, per_page: PER_PAGE } } },
    { placeholderData: keepPreviousData },
  );
  const rows = found.data?.data;
  const trends = useTrends(rows);

  return (
    <Page title="Syncs" about="What is kept equal, and how it is doing." actions={<NewSyncButton />}>
      <Panel pad={false}>
        <FilterBar>
          <SearchFilter label="Find a sync" value={search.q} onChange={(q) => set({ q })} />
          <ChoiceFilter
            label="Instance"
            value={search.instance}
            options={instances.map((name) => ({ value: name, label: name }))}
            of={firstOf(all.cut, 'sync')}
            onChange={(instance) => set({ instance })}
          />
          <ChoiceFilter
            label="State"
            value={search.state}
            options={SYNC_STATES.map((state) => ({ value: state, label: syncStateWord(state) }))}
            onChange={(state) => set({ state })}
          />
          {(tags.length > 0 || search.tag) && (
            <ChoiceFilter
              label="Tag"
              value={search.tag}
              options={tags.map((name) => ({ value: name, label: name }))}
              of={firstOf(all.cut, 'sync')}
              onChange={(tag) => set({ tag })}
            />
          )}
        </FilterBar>
        <DataTable
          name="syncs"
          label="Syncs"
          columns={columns(trends)}
          rows={rows}
          keyOf={(sync) => sync.id}
          href={(sync) => ({ to: '/syncs/$syncId', params: { syncId: sync.id } })}
          error={found.error}
          retry={() => void found.refetch()}
          empty={
            isFiltered ? (
              <Empty
                title="No sync matches these filters"
                action={
                  <Button
                    variant="default"
                    onClick={() =>
                      set({ q: undefined, instance: undefined, state: undefined, tag: undefined })
                    }
                  >
                    Show all syncs
                  </Button>
                }
              />
            ) : (
              <NoSyncs />
            )
          }
        />
        <Pager pagination={found.data?.pagination} onPage={(page) => set({ page })} />
      </Panel>
    </Page>
  );
}

function columns(trends: Trends): Column<Sync>[] {
  return [
    {
      id: 'sync',
      title: 'Sync',
      always: true,
      cell: (sync) => (
        <Text size="sm" fw={500}>
          {sync.id}
        </Text>
      ),
    },
    { id: 'state', title: 'State', cell: (sync) => <SyncState state={sync.state} /> },
    { id: 'run', title: 'Last run', cell: (sync) => <LastRun sync={sync} /> },
    { id: 'next', title: 'Next run', wide: true, cell: (sync) => <NextRun sync={sync} /> },
    {
      id: 'trend',
      title: 'Rows per run',
      wide: true,
      cell: (sync) => <SyncTrend trend={trends[sync.id]} />,
    },
    { id: 'delivered', title: 'Delivered', figure: true, wide: true, cell: (sync) => count(sync.delivered) },
    { id: 'letters', title: 'Letters', figure: true, cell: (sync) => <Letters sync={sync} /> },
    {
      id: 'between',
      title: 'Source → target',
      wide: true,
      cell: (sync) => `${sync.source} → ${sync.target}`,
    },
    { id: 'object', title: 'Object', optional: true, cell: (sync) => sync.object },
    { id: 'mode', title: 'Write mode', optional: true, cell: (sync) => sync.write_mode },
    { id: 'tags', title: 'Tags', optional: true, cell: (sync) => <Tags tags={sync.tags} /> },
    {
      id: 'actions',
      title: 'Actions',
      always: true,
      buttons: true,
      cell: (sync) => <SyncActions sync={sync} />,
    },
  ];
}

function LastRun({ sync }: { sync: Sync }) {
  if (!sync.last_run) return <span>Not run yet</span>;
  return (
    <Group gap={8} wrap="nowrap">
      <Link to="/runs/$runId" params={{ runId: sync.last_run.id }} className="quiet">
        <RunStatus run={sync.last_run} />
      </Link>
      <Text span size="sm" c="dimmed" className="num">
        <Ago at={sync.last_run.started_at} />
      </Text>
    </Group>
  );
}

function NextRun({ sync }: { sync: Sync }) {
  if (sync.next_run_at) return <Ago at={sync.next_run_at} />;
  const after = sync.state === 'active' && sync.schedule?.after;
  if (after)
    return (
      <Tooltip label={`When ${after} completes`}>
        <Link to="/syncs/$syncId" params={{ syncId: after }} className="quiet">
          after {after.startsWith(`${sync.instance}.`) ? after.slice(sync.instance.length + 1) : after}
        </Link>
      </Tooltip>
    );
  return <span>–</span>;
}

function Letters({ sync }: { sync: Sync }) {
  if (sync.dead_letters === 0) return <span>0</span>;
  return (
    <Link to="/dead-letters" search={{ sync: sync.id, state: 'open' }} className="link">
      {count(sync.dead_letters)}
    </Link>
  );
}

function Tags({ tags }: { tags: string[] }) {
  return (
    <Group gap={4} wrap="nowrap">
      {tags.map((tag) => (
        <Badge key={tag} size="sm" variant="default" tt="none">
          {tag}
        </Badge>
      ))}
    </Group>
  );
}

function NoSyncs() {
  return (
    <Empty title="No syncs yet" action={<NewSyncButton />}>
      A sync reads records from one system and keeps those of another equal to them. Connect both, then make
      one.
    </Empty>
  );
}
