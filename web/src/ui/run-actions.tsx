import { Button, Group, List, Stack, Text, Textarea } from '@mantine/core';
import { modals } from '@mantine/modals';
import { useState } from 'react';
import { api, queries } from '../api/client';
import type { RunDetail } from '../api/types';
import { counted } from './format';
import { tellDone, tellProblem } from './tell';

/** What can be done with a run; whatever cannot be taken back is asked first, in figures. */
export function useRunActions() {
  const cancelling = api.useMutation('post', '/api/v1/runs/{run_id}/cancel');
  const retrying = api.useMutation('post', '/api/v1/runs/{run_id}/retry');
  const approving = api.useMutation('post', '/api/v1/runs/{run_id}/approve');
  const rejecting = api.useMutation('post', '/api/v1/runs/{run_id}/reject');

  return {
    isBusy: [cancelling, retrying, approving, rejecting].some((mutation) => mutation.isPending),

    cancel(run: RunDetail, done: string) {
      modals.openConfirmModal({
        title: 'Cancel this run?',
        children: (
          <Text size="sm">
            {done} No record is lost: what the target has answered for is remembered, and the next run of{' '}
            {run.sync_id} does the rest.
          </Text>
        ),
        labels: { confirm: 'Cancel the run', cancel: 'Let it go on' },
        confirmProps: { color: 'red' },
        onConfirm: () =>
          cancelling.mutate(
            { params: { path: { run_id: run.id } } },
            {
              onSuccess: (now) => {
                keep(now);
                tellDone(
                  now.status === 'cancelled' ? 'The run is cancelled.' : 'The run ends as soon as it can.',
                );
              },
              onError: (error) => tellProblem('The run was not cancelled', error),
            },
          ),
      });
    },

    retry(run: Pick<RunDetail, 'id'>, begun: (runId: string) => void) {
      retrying.mutate(
        { params: { path: { run_id: run.id } } },
        {
          onSuccess: (next) => {
            keep(next);
            tellDone('A new run is queued. It reads the model as it is now.');
            begun(next.id);
          },
          onError: (error) => tellProblem('No new run was started', error),
        },
      );
    },

    approve(run: RunDetail) {
      modals.openConfirmModal({
        title: 'Approve this plan?',
        children: <ApprovalNote run={run} />,
        labels: { confirm: 'Approve and write', cancel: 'Not yet' },
        onConfirm: () =>
          approving.mutate(
            { params: { path: { run_id: run.id } } },
            {
              onSuccess: (now) => {
                keep(now);
                tellDone('Approved. The run is queued to write its plan.');
              },
              onError: (error) => tellProblem('The plan was not approved', error),
            },
          ),
      });
    },

    reject(run: RunDetail) {
      modals.open({
        title: 'Reject this plan?',
        children: (
          <Rejection
            run={run}
            reject={(reason) =>
              rejecting.mutate(
                { params: { path: { run_id: run.id } }, body: { reason } },
                {
                  onSuccess: (now) => {
                    keep(now);
                    tellDone('Rejected. Nothing was written.');
                  },
                  onError: (error) => tellProblem('The plan was not rejected', error),
                },
              )
            }
          />
        ),
      });
    },
  };
}

/** Shows at once what the server answered, before its events are heard. */
function keep(run: RunDetail) {
  queries.setQueryData(['get', '/api/v1/runs/{run_id}', { params: { path: { run_id: run.id } } }], run);
}

/** What a plan holds, line by line. */
function PlanFigures({ run }: { run: RunDetail }) {
  return (
    <List size="sm" className="num">
      <List.Item>{counted(run.rows_created, 'record')} created</List.Item>
      <List.Item>{counted(run.rows_updated, 'record')} updated</List.Item>
      <List.Item>{counted(run.rows_deleted, 'record')} deleted</List.Item>
    </List>
  );
}

function ApprovalNote({ run }: { run: RunDetail }) {
  const tripped = run.guards.filter((guard) => guard.tripped);
  return (
    <Stack gap="xs">
      <Text size="sm">
        {run.sync_id} will then write to its target, although{' '}
        {tripped.length === 1 ? 'a guard objects' : `${tripped.length} guards object`}:
      </Text>
      <PlanFigures run={run} />
      {tripped.map((guard) => (
        <Text size="sm" key={guard.guard}>
          <span className="mono">{guard.guard}</span>: {guard.message}
        </Text>
      ))}
      <Text size="sm" c="dimmed">
        A plan older than an hour is made again first, and held again if it has grown.
      </Text>
    </Stack>
  );
}

function Rejection({ run, reject }: { run: RunDetail; reject: (reason: string | null) => void }) {
  const [reason, setReason] = useState('');
  const changes = run.rows_created + run.rows_updated + run.rows_deleted;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        modals.closeAll();
        reject(reason.trim() || null);
      }}
    >
      <Stack gap="sm">
        <Text size="sm">
          The run ends without writing{' '}
          {changes === 1 ? 'its change' : `any of its ${counted(changes, 'change')}`}. The sync goes on as
          before, and its next run plans anew.
        </Text>
        <Textarea
          label="Reason"
          description="Kept in the audit log, for those who ask later."
          autosize
          minRows={2}
          maxLength={500}
          data-autofocus
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => modals.closeAll()}>
            Not yet
          </Button>
          <Button type="submit" color="red">
            Reject
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
