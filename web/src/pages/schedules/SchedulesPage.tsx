import { ActionIcon, Group, Text, Tooltip } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import { Empty } from '../../ui/empty';
import { count, duration } from '../../ui/format';
import { Page, Panel } from '../../ui/page';
import { paceWords } from '../../ui/schedule';
import { SyncState } from '../../ui/status';
import { NewSyncButton, SyncActions } from '../../ui/sync-actions';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { FiresOf } from './Fires';
import type { Scheduled } from './fires';
import { schedulesRoute } from './route';
import classes from './schedules.module.css';
import { Timeline } from './Timeline';
import { overlapWords } from './words';

/** Schedules on a page of the list. */
const PER_PAGE = 50;

export function SchedulesPage() {
  const { open, page = 1 } = schedulesRoute.useSearch();
  const navigate = schedulesRoute.useNavigate();
  const schedules = api.useQuery('get', '/api/v1/schedules', {
    params: { query: { page, per_page: PER_PAGE } },
  });
  const rows = schedules.data?.data;
  const toggle = (id: string) =>
    void navigate({ search: (now) => ({ ...now, open: id === open ? undefined : id }), replace: true });

  return (
    <Page title="Schedules" about="When syncs run by themselves.">
      <Panel
        title="Next 24 hours"
        about="In your zone. Hollow marks follow another sync: it has to complete first."
      >
        <Timeline schedules={rows} />
      </Panel>
      <Panel pad={false}>
        <DataTable
          name="schedules"
          label="Schedules"
          columns={columns(open, toggle)}
          rows={rows}
          keyOf={(sync) => sync.sync_id}
          below={(sync) => sync.sync_id === open && <FiresOf sync={sync} />}
          error={schedules.error}
          retry={() => void schedules.refetch()}
          empty={
            <Empty title="No schedules yet" action={<NewSyncButton />}>
              A sync with a schedule runs by itself: every few minutes, at times of the day, or after another
              sync.
            </Empty>
          }
        />
        <Pager
          pagination={schedules.data?.pagination}
          onPage={(next) => void navigate({ search: { page: next } })}
        />
      </Panel>
    </Page>
  );
}

function columns(open: string | undefined, toggle: (id: string) => void): Column<Scheduled>[] {
  return [
    {
      id: 'sync',
      title: 'Sync',
      always: true,
      cell: ({ sync_id }) => (
        <Group gap={6} wrap="nowrap">
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-expanded={sync_id === open}
            aria-label={`Fires of ${sync_id}`}
            onClick={() => toggle(sync_id)}
          >
            <IconChevronRight size={14} className={classes.sign} data-open={sync_id === open || undefined} />
          </ActionIcon>
          <Link to="/syncs/$syncId" params={{ syncId: sync_id }} className="quiet">
            <Text span inherit fw={500}>
              {sync_id}
            </Text>
          </Link>
        </Group>
      ),
    },
    { id: 'state', title: 'State', cell: ({ state }) => <SyncState state={state} /> },
    { id: 'when', title: 'Runs', cell: ({ schedule }) => <When schedule={schedule} /> },
    { id: 'zone', title: 'Time zone', wide: true, cell: ({ schedule }) => schedule.timezone ?? '–' },
    { id: 'next', title: 'Next', cell: (sync) => <NextFire sync={sync} /> },
    {
      id: 'jitter',
      title: 'Jitter',
      wide: true,
      cell: ({ schedule }) =>
        schedule.jitter_seconds > 0 ? `up to ${duration(schedule.jitter_seconds)}` : 'none',
    },
    {
      id: 'overlap',
      title: 'Overlap',
      wide: true,
      cell: ({ schedule }) => <Overlap overlap={schedule.overlap} />,
    },
    {
      id: 'missed',
      title: 'Missed, 7 days',
      figure: true,
      cell: ({ missed }) => (
        <Text span inherit c={missed.length > 0 ? 'var(--state-partial)' : undefined}>
          {count(missed.length)}
        </Text>
      ),
    },
    {
      id: 'actions',
      title: 'Actions',
      always: true,
      buttons: true,
      cell: ({ sync_id, state, next_run_at }) => <SyncActions sync={{ id: sync_id, state, next_run_at }} />,
    },
  ];
}

/** When it runs; a cron expression and the sync it follows are at hand. */
function When({ schedule }: Pick<Scheduled, 'schedule'>) {
  if (schedule.after)
    return (
      <span className="said">
        After{' '}
        <Link to="/syncs/$syncId" params={{ syncId: schedule.after }} className="link">
          {schedule.after}
        </Link>
      </span>
    );
  const pace = paceWords(schedule);
  const words = pace === schedule.cron ? pace : pace.charAt(0).toUpperCase() + pace.slice(1);
  if (!schedule.cron || words === schedule.cron) {
    return <span className={schedule.cron ? 'mono' : undefined}>{words}</span>;
  }
  return (
    <Tooltip label={<span className="mono">{schedule.cron}</span>}>
      <span>{words}</span>
    </Tooltip>
  );
}

function NextFire({ sync }: { sync: Scheduled }) {
  if (sync.next_run_at) return <Ago at={sync.next_run_at} />;
  if (sync.state === 'active' && sync.schedule.after) return <span>when it completes</span>;
  return <span>–</span>;
}

function Overlap({ overlap }: { overlap: string }) {
  const { word, about } = overlapWords(overlap);
  return (
    <Tooltip label={about} disabled={!about}>
      <span>{word}</span>
    </Tooltip>
  );
}
