import { Alert, List, Stack, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { RunDetail } from '../../api/types';
import { ShortId } from '../../ui/copy';
import { type Figures, isLive, isPlan } from '../../ui/figures';
import { counted } from '../../ui/format';
import { ProgressBar } from '../../ui/progress';
import { RunError } from '../../ui/run-error';
import { StageStrip } from '../../ui/stages';
import { statusWord } from '../../ui/status';
import { Ago } from '../../ui/time';
import { sentence, verdict } from '../../ui/verdict';
import classes from './run.module.css';

/** What happened: in a sentence, as a bar, by stage; the error; what led here and what follows. */
export function Story({ run, figures }: { run: RunDetail; figures: Figures }) {
  const wasWorked = run.timeline.length > 0 || isLive(run.status);
  return (
    <section className="panel" style={{ padding: 'var(--mantine-spacing-md)' }} aria-label="What happened">
      <Stack gap="md">
        <p className={classes.verdict} style={{ margin: 0 }} role="status">
          {verdict(run, figures)}
        </p>
        {wasWorked && (
          <>
            <ProgressBar figures={figures} isPlan={isPlan(run)} />
            <StageStrip run={run} figures={figures} />
          </>
        )}
        {run.error && run.status !== 'cancelled' && <RunError error={run.error} />}
        <Chain run={run} />
        {run.notices.length > 0 && (
          <Alert icon={<IconInfoCircle />} color="gray" variant="outline" title="Notices">
            <List size="sm">
              {run.notices.map((notice) => (
                <List.Item key={notice}>{sentence(notice)}</List.Item>
              ))}
            </List>
          </Alert>
        )}
        {run.not_found.length > 0 && (
          <Text size="sm">
            {counted(run.not_found.length, 'source ID was', 'source IDs were')} asked for and not found:{' '}
            <span className="mono">{run.not_found.slice(0, 20).join(', ')}</span>
            {run.not_found.length > 20 && ` and ${run.not_found.length - 20} more`}
          </Text>
        )}
      </Stack>
    </section>
  );
}

/** What follows a run that did not succeed is looked for among this many later runs of its sync. */
const LATER_RUNS = 200;

/** The runs before and after this one, and servers that handed it on. */
function Chain({ run }: { run: RunDetail }) {
  const mayFollow = ['failed', 'source_failure', 'cancelled'].includes(run.status);
  const later = api.useQuery(
    'get',
    '/api/v1/syncs/{sync_id}/runs',
    {
      params: {
        path: { sync_id: run.sync_id },
        query: { trigger: 'retry,manual', since: run.created_at, per_page: LATER_RUNS },
      },
    },
    { enabled: mayFollow },
  ).data?.data;
  const next = later?.find((other) => other.retry_of === run.id);
  if (!run.retry_of && !next && run.takeovers === 0) return null;
  return (
    <Text size="sm" c="dimmed" component="div">
      {run.retry_of && (
        <>
          {run.retry_number > 0 ? `Automatic retry ${run.retry_number}, after` : 'A retry of'}{' '}
          <RunLink id={run.retry_of} />.{' '}
        </>
      )}
      {next && (
        <>
          Retried by <RunLink id={next.id} />
          {next.status === 'scheduled' && next.run_at ? (
            <>
              , due <Ago at={next.run_at} />
            </>
          ) : (
            `: ${statusWord(next.status).toLowerCase()}`
          )}
          .{' '}
        </>
      )}
      {run.takeovers > 0 &&
        `Taken over ${counted(run.takeovers, 'time')} by another server, because its own was not heard of any more.`}
    </Text>
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <Link to="/runs/$runId" params={{ runId: id }} className="link">
      <ShortId id={id} />
    </Link>
  );
}
