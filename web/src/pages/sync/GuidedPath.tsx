import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconCheck } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api } from '../../api/client';
import type { Run, Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { counted } from '../../ui/format';
import { LiveRunPanel } from '../../ui/liverun';
import { scheduleWords } from '../../ui/schedule';
import { typeWord } from '../../ui/status';
import { useSyncActions } from '../../ui/sync-actions';
import { tellProblem } from '../../ui/tell';
import { Ago } from '../../ui/time';
import { changes, type Path, pathOf, type StepName } from './path';
import { RestlessFields } from './RestlessFields';
import { syncRoute } from './route';
import classes from './sync.module.css';

/** Runs that are looked through for where a sync is on its way. */
const RUNS_SEEN = 100;

const STEPS: { name: StepName; title: string }[] = [
  { name: 'look', title: 'Test or seed' },
  { name: 'write', title: 'Run one time' },
  { name: 'prove', title: 'Test shows 0' },
  { name: 'activate', title: 'Activate' },
];

/** The way of a sync that is not active yet to running by itself, and the next step on it. */
export function GuidedPath({ sync }: { sync: Sync }) {
  const { follow } = syncRoute.useSearch();
  const runs = useRunsOfDefinition(sync);
  if (sync.state !== 'inactive') return null;
  if (!runs) return <Skeleton h={150} />;
  const path = pathOf(runs);
  const followed = path.open?.id ?? follow;
  return (
    <section className="panel" aria-label="The way to an active sync">
      <ol className={classes.steps}>
        {STEPS.map(({ name, title }, n) => (
          <Step key={name} n={n + 1} name={name} title={title} path={path} />
        ))}
      </ol>
      <Stack gap="sm" p="md">
        {!path.open && <Here sync={sync} path={path} />}
        {followed && <LiveRunPanel key={followed} runId={followed} />}
        {path.firstErrors && (
          <Text size="sm">
            {counted(path.firstErrors.rows_failed, 'row')} failed in the{' '}
            {path.firstErrors.dry_run ? 'test' : 'run'} of <Ago at={path.firstErrors.created_at} />. First
            errors mostly come from the data's quality or from the mapping:{' '}
            <Link
              to="/runs/$runId"
              params={{ runId: path.firstErrors.id }}
              search={{ tab: 'errors' }}
              className="link"
            >
              review them
            </Link>{' '}
            before you go on.
          </Text>
        )}
      </Stack>
    </section>
  );
}

/** The runs made with the sync as it is defined now, newest first. */
function useRunsOfDefinition(sync: Sync): Run[] | undefined {
  const runs = api.useQuery(
    'get',
    '/api/v1/syncs/{sync_id}/runs',
    { params: { path: { sync_id: sync.id }, query: { per_page: RUNS_SEEN } } },
    { enabled: sync.state === 'inactive' },
  ).data?.data;
  return runs?.filter((run) => run.config_hash === sync.config_hash);
}

function Step(props: { n: number; name: StepName; title: string; path: Path }) {
  const { n, name, title, path } = props;
  const order = STEPS.findIndex((step) => step.name === path.here);
  const isDone = n - 1 < order;
  const isHere = n - 1 === order;
  const run = name === 'activate' ? undefined : path[name];
  return (
    <li
      className={classes.step}
      data-at={isDone ? 'behind' : isHere ? 'here' : 'ahead'}
      aria-current={isHere ? 'step' : undefined}
    >
      <span className={classes.dot}>{isDone ? <IconCheck size={14} aria-label="done" /> : n}</span>
      <div>
        <Text fw={isHere ? 600 : 500}>{title}</Text>
        <Text size="xs" c="dimmed" mih={18} className="num">
          {run && <Found run={run} />}
        </Text>
      </div>
    </li>
  );
}

/** What a run on the way found, as short as it goes. */
function Found({ run }: { run: Run }) {
  return (
    <>
      <Link to="/runs/$runId" params={{ runId: run.id }} className="link">
        {typeWord(run.type)}
      </Link>
      : {counted(changes(run), 'change')}, <Ago at={run.completed_at} />
    </>
  );
}

/** The next step: what it does, what it means, and its button. */
function Here({ sync, path }: { sync: Sync; path: Path }) {
  const start = useStart(sync);
  const actions = useSyncActions();
  const test = (label: string) => (
    <Do label={label} busy={start.isBusy} run={() => start.run('test')} key="test" />
  );
  const once = (label: string) => (
    <Do
      label={label}
      busy={start.isBusy}
      run={() => confirmOnce(sync, path.prove ?? path.look, () => start.run('one_time'))}
    />
  );
  switch (path.here) {
    case 'look':
      return (
        <Next
          text="First see what this sync would do. A test reads the source, plans every change and writes nothing. A seed writes everything the source has, at once."
          buttons={
            <>
              {test('Run a test')}
              {!sync.seeded && (
                <Do
                  label="Seed"
                  quiet
                  busy={start.isBusy}
                  run={() => confirmSeed(sync, () => start.run('seed'))}
                />
              )}
            </>
          }
        />
      );
    case 'write':
      return (
        <Next
          text={
            path.look?.type === 'test'
              ? `The test found ${counted(changes(path.look), 'change')}. If that is what you expect, write them once: the sync stays inactive, and nothing is scheduled.`
              : 'The source is written to the target. Run once more as the schedule would: only what changed since is sent.'
          }
          buttons={
            <>
              {once('Run one time')}
              <Do label="Test again" quiet busy={start.isBusy} run={() => start.run('test')} />
            </>
          }
        />
      );
    case 'prove':
      return path.prove ? (
        <>
          <Next
            text={`The test after writing still finds ${counted(changes(path.prove), 'change')}. Active, the sync would send them with every run. Either the source changed meanwhile, or something keeps changing by itself.`}
            buttons={
              <>
                {once('Run one time again')}
                <Do label="Test again" quiet busy={start.isBusy} run={() => start.run('test')} />
              </>
            }
          />
          <RestlessFields run={path.prove} />
        </>
      ) : (
        <Next
          text="Now test again. What was written must not be planned a second time: 0 changes mean that source and target agree and the sync does not chase its own changes."
          buttons={test('Test for 0 changes')}
        />
      );
    case 'activate':
      return (
        <Next
          text={`The test found nothing left to change: source and target agree. ${
            sync.schedule
              ? `Active, the sync runs by itself, ${scheduleWords(sync.schedule)}.`
              : 'The sync has no schedule: active or not, it runs when somebody starts it.'
          }`}
          buttons={<Do label="Activate" busy={actions.isBusy} run={() => actions.activate(sync)} />}
        />
      );
  }
}

function Next({ text, buttons }: { text: string; buttons: ReactNode }) {
  return (
    <Group justify="space-between" gap="sm">
      <Text size="sm" maw={720}>
        {text}
      </Text>
      <Group gap="xs">{buttons}</Group>
    </Group>
  );
}

function Do(props: { label: string; run: () => void; busy: boolean; quiet?: boolean }) {
  return (
    <Allowed role="operator">
      {(disabled) => (
        <Button
          variant={props.quiet ? 'default' : 'filled'}
          disabled={disabled || props.busy}
          onClick={props.run}
        >
          {props.label}
        </Button>
      )}
    </Allowed>
  );
}

/** Starts a run of the path and follows it in place. */
function useStart(sync: Sync) {
  const navigate = syncRoute.useNavigate();
  const trigger = api.useMutation('post', '/api/v1/syncs/{sync_id}/trigger');
  return {
    isBusy: trigger.isPending,
    run(type: 'test' | 'one_time' | 'seed') {
      trigger.mutate(
        { params: { path: { sync_id: sync.id } }, body: { type, trigger: 'manual' } },
        {
          onSuccess: (run) =>
            void navigate({
              search: (now) => ({ ...now, follow: run.id }),
              resetScroll: false,
              replace: true,
            }),
          onError: (error) => tellProblem(`${sync.id} was not run`, error),
        },
      );
    },
  };
}

function confirmOnce(sync: Sync, look: Run | undefined, run: () => void) {
  const tested = look?.type === 'test' ? look : undefined;
  modals.openConfirmModal({
    title: `Write to ${sync.target}?`,
    children: (
      <Text size="sm">
        {tested ? (
          <>
            The test of <Ago at={tested.completed_at} /> planned {counted(tested.rows_created, 'create')},{' '}
            {counted(tested.rows_updated, 'update')} and {counted(tested.rows_deleted, 'delete')} in{' '}
            {sync.object}. The run reads the source anew and writes what it finds then.
          </>
        ) : (
          `The run writes to ${sync.object} whatever differs from what was delivered.`
        )}{' '}
        Guards hold it if it would do more than they allow.
      </Text>
    ),
    labels: { confirm: 'Write once', cancel: 'Not yet' },
    onConfirm: run,
  });
}

function confirmSeed(sync: Sync, run: () => void) {
  modals.openConfirmModal({
    title: `Seed ${sync.target}?`,
    children: (
      <Text size="sm">
        Every record that {sync.source} has in the model is written to {sync.object}, without a look at the
        plan before. Guards still hold.
      </Text>
    ),
    labels: { confirm: 'Seed', cancel: 'Not yet' },
    onConfirm: run,
  });
}
