import { Alert, List, Stack, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { RunDetail } from '../../api/types';
import { ShortId } from '../../ui/copy';
import { type Figures, isLive, isPlan } from '../../ui/figures';
import { counted } from '../../ui/format';
import { ProgressBar } from '../../ui/progress';
import { RunError } from '../../ui/run-error';
import { StageStrip } from '../../ui/stages';
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
            <StageStrip figures={figures} reached={run.timeline.at(-1)?.phase ?? null} isTest={run.dry_run} />
          </>
        )}
        {run.error && <RunError error={run.error} />}
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

/** The runs before and after this one, and servers that handed it on. */
function Chain({ run }: { run: RunDetail }) {
  if (!run.retry_of && run.takeovers === 0) return null;
  return (
    <Text size="sm" c="dimmed">
      {run.retry_of && (
        <>
          {run.retry_number > 0 ? `Automatic retry ${run.retry_number}, after` : 'A retry of'}{' '}
          <Link to="/runs/$runId" params={{ runId: run.retry_of }} className="link">
            <ShortId id={run.retry_of} />
          </Link>
          .{' '}
        </>
      )}
      {run.takeovers > 0 &&
        `Taken over ${counted(run.takeovers, 'time')} by another server, because its own was not heard of any more.`}
    </Text>
  );
}
