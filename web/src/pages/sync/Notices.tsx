import { Alert, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconHandStop } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { percent } from '../../ui/format';
import { Ago } from '../../ui/time';
import { sentence } from '../../ui/verdict';

/** What needs a person: a halt, runs that are held, errors that stay. */
export function Notices({ sync }: { sync: Sync }) {
  const trends = api.useQuery('get', '/api/v1/syncs/{sync_id}/trends', {
    params: { path: { sync_id: sync.id } },
  }).data;
  const errors = trends?.points.find((point) => point.rows_failed > 0);
  const [held] = sync.held_runs;
  return (
    <>
      {sync.halted && (
        <Notice color="var(--state-failed)" icon={<IconHandStop />} title="Halted">
          <Text size="sm">
            Since <Ago at={sync.halted.since} />: {sentence(sync.halted.reason)} It stands still until
            somebody activates it. Find the cause first; test and one-time runs are possible meanwhile.
          </Text>
          {sync.last_run && <ErrorsLink runId={sync.last_run.id}>Look at the last run's errors</ErrorsLink>}
        </Notice>
      )}
      {held && (
        <Notice color="var(--state-held)" icon={<IconHandStop />} title="A run waits for your decision">
          <Text size="sm">
            A guard stopped its plan before anything was written. Approve it or reject it; the schedule waits
            until then.
          </Text>
          <Link to="/runs/$runId" params={{ runId: held }} search={{ tab: 'plan' }} className="link">
            Review the plan
          </Link>
        </Notice>
      )}
      {errors && trends?.systematic_errors && (
        <Notice color="var(--state-partial)" icon={<IconAlertTriangle />} title="Errors keep coming">
          <Text size="sm">
            More than 1 % of the rows failed in each of the last three runs, {percent(errors.error_rate)} in
            the last. That is a matter of the data, the mapping or the target, and does not pass by itself.
          </Text>
          <ErrorsLink runId={errors.run_id}>Look at these errors</ErrorsLink>
        </Notice>
      )}
      {errors && trends?.review_first_errors && (
        <Notice color="var(--state-partial)" icon={<IconAlertTriangle />} title="Its first errors">
          <Text size="sm">
            Rows failed for the first time. Look at them before the next run: first errors mostly come from
            the data's quality or from the mapping.
          </Text>
          <ErrorsLink runId={errors.run_id}>Look at these errors</ErrorsLink>
        </Notice>
      )}
    </>
  );
}

function ErrorsLink({ runId, children }: { runId: string; children: ReactNode }) {
  return (
    <Link to="/runs/$runId" params={{ runId }} search={{ tab: 'errors' }} className="link">
      {children}
    </Link>
  );
}

/** A note above the tabs, in the colour of a state. */
function Notice(props: { color: string; icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <Alert
      variant="outline"
      icon={props.icon}
      title={props.title}
      color={props.color}
      role="note"
      style={{ background: 'var(--surface-raised)' }}
    >
      <Stack gap={4} fz="sm">
        {props.children}
      </Stack>
    </Alert>
  );
}
