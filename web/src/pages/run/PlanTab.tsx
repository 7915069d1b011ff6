import { Button, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { ApiError, api } from '../../api/client';
import type { Change, RunDetail, Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { CopyText } from '../../ui/copy';
import { Empty } from '../../ui/empty';
import { counted } from '../../ui/format';
import { ProblemNote } from '../../ui/problem';
import { Operation } from '../../ui/result';
import { useRunActions } from '../../ui/run-actions';
import { Ago } from '../../ui/time';
import { ChangeTable } from './changes';

/** Changes shown of each operation. */
const SAMPLE = 10;

/** The operations that can be in a plan with these figures; a sync has one of each list. */
function operationsOf(plan: Schemas['PlanView']): string[] {
  return [
    ...(plan.rows_created > 0 ? ['create,append'] : []),
    ...(plan.rows_updated > 0 ? ['update'] : []),
    ...(plan.rows_deleted > 0 ? ['delete,clear,flag'] : []),
  ];
}

/** What the run would write or had planned to write, with samples, and the decision on it. */
export function PlanTab({ run }: { run: RunDetail }) {
  const plan = api.useQuery(
    'get',
    '/api/v1/runs/{run_id}/plan',
    { params: { path: { run_id: run.id } } },
    { retry: false },
  );
  if (plan.error instanceof ApiError && plan.error.problem.status === 404) {
    return <Empty title="No plan">{whyNone(run)}</Empty>;
  }
  if (plan.error) {
    return (
      <div style={{ padding: 16 }}>
        <ProblemNote error={plan.error} retry={() => void plan.refetch()} />
      </div>
    );
  }
  if (!plan.data) {
    return (
      <Stack gap="xs" p="md">
        <Skeleton height={14} width={320} />
        <Skeleton height={14} width={420} />
        <Skeleton height={200} mt="sm" />
      </Stack>
    );
  }
  return (
    <Stack gap="lg" py="md">
      <Group px="md" justify="space-between" align="flex-start">
        <div>
          <Text size="sm">{planned(run, plan.data)}</Text>
          <Text size="sm" c="dimmed" component="div">
            Made <Ago at={plan.data.created_at} />, digest{' '}
            <CopyText value={plan.data.digest} label="digest" />
          </Text>
        </div>
        {run.status === 'held' && (
          <Group gap="xs">
            <Decision run={run} />
          </Group>
        )}
      </Group>
      {operationsOf(plan.data).map((operations) => (
        <Sample key={operations} run={run} operations={operations} />
      ))}
    </Stack>
  );
}

function whyNone(run: RunDetail): string {
  if (
    run.status === 'queued' ||
    run.status === 'starting' ||
    run.status === 'running' ||
    run.status === 'scheduled'
  ) {
    return 'The plan is made when the source has been read.';
  }
  return run.planned_at
    ? 'It is kept for a limited time and is gone.'
    : 'The run ended before it could find out what to write.';
}

function planned(run: RunDetail, plan: Schemas['PlanView']): string {
  const changes = plan.rows_created + plan.rows_updated + plan.rows_deleted;
  if (changes === 0) return 'The plan holds no change: the target is as the source has it.';
  const would = run.dry_run || run.status === 'held' ? 'would be' : 'were to be';
  const parts = [
    [plan.rows_created, 'created'],
    [plan.rows_updated, 'updated'],
    [plan.rows_deleted, 'deleted'],
  ] as const;
  const listed = parts.filter(([n]) => n > 0).map(([n, word]) => `${counted(n, 'record')} ${would} ${word}`);
  return `${listed.join(', ')}.`;
}

/** Approve or reject. */
export function Decision({ run }: { run: RunDetail }) {
  const actions = useRunActions();
  return (
    <>
      <Allowed role="operator">
        {(disabled) => (
          <Button variant="default" disabled={disabled || actions.isBusy} onClick={() => actions.reject(run)}>
            Reject
          </Button>
        )}
      </Allowed>
      <Allowed role="operator">
        {(disabled) => (
          <Button disabled={disabled || actions.isBusy} onClick={() => actions.approve(run)}>
            Approve
          </Button>
        )}
      </Allowed>
    </>
  );
}

/** The first changes of an operation. */
function Sample({ run, operations }: { run: RunDetail; operations: string }) {
  const rows = api.useQuery('get', '/api/v1/runs/{run_id}/rows', {
    params: { path: { run_id: run.id }, query: { per_page: SAMPLE, operation: operations } },
  });
  const total = rows.data?.pagination.total ?? 0;
  const operation = rows.data?.data[0]?.operation ?? operations.split(',')[0] ?? '';
  return (
    <section aria-label={`${operation} changes`}>
      <Group px="md" pb={4} justify="space-between">
        <Group gap="xs">
          <Title order={3}>
            <Operation of={operation} />
          </Title>
          <Text size="sm" c="dimmed" className="num">
            {rows.data && counted(total, 'record')}
            {total > SAMPLE && `, the first ${SAMPLE}`}
          </Text>
        </Group>
        {total > SAMPLE && (
          <Link
            to="/runs/$runId"
            params={{ runId: run.id }}
            search={{ tab: 'rows', operation }}
            className="link"
            style={{ fontSize: '0.8125rem' }}
          >
            All of them
          </Link>
        )}
      </Group>
      <ChangeTable
        label={`${operation} changes`}
        syncId={run.sync_id}
        changes={rows.data?.data as Change[] | undefined}
        empty={null}
        skeletonRows={3}
      />
    </section>
  );
}
