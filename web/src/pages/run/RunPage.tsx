import { Badge, Button, Group, Skeleton, Tabs } from '@mantine/core';
import { useRef } from 'react';
import type { RunDetail } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { CopyText } from '../../ui/copy';
import { type Figures, isLive, useLiveRun } from '../../ui/figures';
import { count } from '../../ui/format';
import { CancelButton } from '../../ui/liverun';
import { Page } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { useRunActions } from '../../ui/run-actions';
import { RunStatus, triggerWord, typeWord } from '../../ui/status';
import { Ago } from '../../ui/time';
import { ErrorsTab } from './ErrorsTab';
import { Guards } from './Guards';
import { OptionsTab } from './OptionsTab';
import { PerformanceTab } from './PerformanceTab';
import { Decision, PlanTab } from './PlanTab';
import { RowsTab } from './RowsTab';
import { runRoute } from './route';
import classes from './run.module.css';
import { Story } from './Story';
import { Summary } from './Summary';
import { Timeline } from './Timeline';

const RUNS = { label: 'Run history', to: '/runs' as const };

export function RunPage() {
  const { runId } = runRoute.useParams();
  const { run, figures, error, refetch } = useLiveRun(runId);
  if (error && !run) {
    return (
      <Page title="Run" crumbs={[RUNS]} about={<span className="mono">{runId}</span>}>
        <div className="panel" style={{ padding: 16 }}>
          <ProblemNote error={error} retry={refetch} />
        </div>
      </Page>
    );
  }
  if (!run || !figures) {
    return (
      <Page title="Run" crumbs={[RUNS]} about={<span className="mono">{runId}</span>}>
        <Skeleton height={150} />
        <div className={classes.pair}>
          <Skeleton height={340} />
          <Skeleton height={340} />
        </div>
        <Skeleton height={320} />
      </Page>
    );
  }
  return <Shown key={run.id} run={run} figures={figures} />;
}

function Shown({ run, figures }: { run: RunDetail; figures: Figures }) {
  const wasStarted = run.started_at !== null && run.started_at !== undefined;
  return (
    <Page
      title={`Run of ${run.sync_id}`}
      mark={<RunStatus run={{ ...run, ...figures, rows_failed: run.rows_failed }} />}
      crumbs={[RUNS, { label: run.sync_id, to: '/syncs/$syncId', params: { syncId: run.sync_id } }]}
      about={<About run={run} />}
      actions={<Actions run={run} figures={figures} />}
    >
      <Story run={run} figures={figures} />
      {(wasStarted || isLive(run.status)) && (
        <div className={classes.pair}>
          <Summary run={run} figures={figures} />
          <div className={classes.column}>
            <Timeline run={run} />
            <Guards run={run} />
          </div>
        </div>
      )}
      <RunTabs run={run} />
    </Page>
  );
}

function About({ run }: { run: RunDetail }) {
  return (
    <Group gap={6}>
      <span>
        {typeWord(run.type)} · {triggerWord(run.trigger)}
        {run.requested_by && ` by ${run.requested_by}`} ·{' '}
        {run.started_at ? (
          <>
            started <Ago at={run.started_at} />
          </>
        ) : run.status === 'scheduled' && run.run_at ? (
          <>
            due <Ago at={run.run_at} />
          </>
        ) : (
          <>
            asked for <Ago at={run.created_at} />
          </>
        )}{' '}
        ·
      </span>
      <CopyText value={run.id} label="run id" />
    </Group>
  );
}

function Actions({ run, figures }: { run: RunDetail; figures: Figures }) {
  const actions = useRunActions();
  const navigate = runRoute.useNavigate();
  const mayRetry =
    ['completed', 'failed', 'source_failure', 'cancelled'].includes(run.status) &&
    run.type !== 'replay' &&
    !run.options.reseed;
  return (
    <>
      <CancelButton run={run} figures={figures} />
      {run.status === 'held' && <Decision run={run} />}
      {mayRetry && (
        <Allowed role="operator">
          {(disabled) => (
            <Button
              variant="default"
              disabled={disabled || actions.isBusy}
              onClick={() =>
                actions.retry(run, (runId) => void navigate({ to: '/runs/$runId', params: { runId } }))
              }
            >
              {run.status === 'completed' ? 'Run again' : 'Retry run'}
            </Button>
          )}
        </Allowed>
      )}
    </>
  );
}

type Tab = 'errors' | 'rows' | 'plan' | 'performance' | 'options';

/** What most people look for first. */
function firstTab(run: RunDetail): Tab {
  const wasHeld = run.end_reason === 'rejected' || run.end_reason === 'expired';
  if (run.status === 'held' || wasHeld || (run.dry_run && run.status === 'completed')) return 'plan';
  if (run.rows_failed > 0 && !isLive(run.status)) return 'errors';
  return run.status === 'completed' || run.partially_written || isLive(run.status) ? 'rows' : 'options';
}

function RunTabs({ run }: { run: RunDetail }) {
  const { tab } = runRoute.useSearch();
  const navigate = runRoute.useNavigate();
  // Chosen once: a run that ends does not turn the page under its reader.
  const first = useRef(firstTab(run));
  const failed = isLive(run.status) ? 0 : run.rows_failed;
  return (
    <Tabs
      className="panel"
      keepMounted={false}
      value={tab ?? first.current}
      onChange={(value) =>
        void navigate({ search: { tab: value as Tab }, replace: true, resetScroll: false })
      }
    >
      <Tabs.List px="xs">
        <Tabs.Tab
          value="errors"
          rightSection={
            failed > 0 && (
              <Badge size="sm" variant="default" className="num">
                {count(failed)}
              </Badge>
            )
          }
        >
          Errors
        </Tabs.Tab>
        <Tabs.Tab value="rows">Rows</Tabs.Tab>
        <Tabs.Tab value="plan">Plan</Tabs.Tab>
        <Tabs.Tab value="performance">Performance</Tabs.Tab>
        <Tabs.Tab value="options">Options</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="errors">
        <ErrorsTab run={run} />
      </Tabs.Panel>
      <Tabs.Panel value="rows">
        <RowsTab run={run} />
      </Tabs.Panel>
      <Tabs.Panel value="plan">
        <PlanTab run={run} />
      </Tabs.Panel>
      <Tabs.Panel value="performance">
        <PerformanceTab run={run} />
      </Tabs.Panel>
      <Tabs.Panel value="options">
        <OptionsTab run={run} />
      </Tabs.Panel>
    </Tabs>
  );
}
