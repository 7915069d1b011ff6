import { Alert, Button, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Panel } from '../../ui/page';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import { Prose } from '../../ui/prose';
import classes from '../../ui/status.module.css';
import { tellProblem } from '../../ui/tell';
import { Ago } from '../../ui/time';

type Check = Schemas['ConnectionCheck'];
type LastCheck = Schemas['LastCheckView'];

/** What both ends of a connection answered, or why they could not be asked. */
export function CheckResult({ check, error, stale }: { check?: Check; error?: unknown; stale?: boolean }) {
  if (error) return <ProblemNote error={error} />;
  if (!check) return null;
  const { source, destination } = check;
  // Where both ends say the same, once is enough.
  const isOne = source && destination && source.message === destination.message;
  return (
    <Stack gap="xs" role="status" opacity={stale ? 0.6 : 1}>
      {isOne ? (
        <End
          what={source.good ? 'Reading and writing' : 'Reading or writing'}
          works={source.good ? 'work' : undefined}
          end={source}
        />
      ) : (
        <>
          {source && <End what="Reading" end={source} />}
          {destination && <End what="Writing" end={destination} />}
        </>
      )}
      {stale && (
        <Text size="sm" c="dimmed">
          The form was changed since this test.
        </Text>
      )}
    </Stack>
  );
}

function End({ what, end, works = 'works' }: { what: string; end: Schemas['EndCheck']; works?: string }) {
  const title = (
    <Group gap={6}>
      {end.good ? (
        <IconCircleCheck size={16} color="var(--state-completed)" aria-hidden />
      ) : (
        <IconCircleX size={16} color="var(--state-failed)" aria-hidden />
      )}
      <Text size="sm" fw={600}>
        {what} {end.good ? works : 'does not work'}
      </Text>
    </Group>
  );
  if (end.good) {
    return (
      <div>
        {title}
        <Text size="sm" c="dimmed" pl={22} style={{ overflowWrap: 'anywhere' }}>
          {end.message}
        </Text>
      </div>
    );
  }
  return (
    <Alert variant="outline" color="red" p="xs">
      {title}
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {end.message}
      </Text>
      {end.help && (
        <Text size="sm" c="dimmed">
          <Prose text={end.help} />
        </Text>
      )}
      {end.code && <ErrorCode code={end.code} />}
    </Alert>
  );
}

/** Tests a connection; what it answers is kept by the server, for the list and its page. */
export function useTest(name: string) {
  const queries = useQueryClient();
  const test = api.useMutation('post', '/api/v1/connections/{name}/check', {
    // One that could not be asked is kept, too.
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['get', '/api/v1/connections'] }),
        queries.invalidateQueries({ queryKey: ['get', '/api/v1/connections/{name}'] }),
      ]),
    onError: (error) => tellProblem(`${name} was not tested`, error),
  });
  const run = () => test.mutate({ params: { path: { name } } });
  return { isTesting: test.isPending, run };
}

/** How the last check of a connection went, and a way to make one. */
export function LastCheckCell({ name, last }: { name: string; last: LastCheck | null | undefined }) {
  const { isTesting, run } = useTest(name);
  return (
    <Group gap={8} wrap="nowrap">
      <Allowed role="operator">
        {(disabled) => (
          <Button
            variant="default"
            size="compact-xs"
            disabled={disabled}
            loading={isTesting}
            onClick={run}
            aria-label={`Test ${name}`}
          >
            Test
          </Button>
        )}
      </Allowed>
      {last ? (
        <Verdict last={last} />
      ) : (
        <Text span inherit c="dimmed">
          not checked yet
        </Text>
      )}
    </Group>
  );
}

/** `Works · checked 3 minutes ago`, or `Failed 2 hours ago: …`. */
function Verdict({ last }: { last: LastCheck }) {
  const { at, good, outdated } = last;
  const why = [last.error, last.source, last.destination].find((end) => end && !end.good)?.message;
  const Sign = good ? IconCircleCheck : IconCircleX;
  const color = outdated ? 'var(--state-muted)' : good ? 'var(--state-completed)' : 'var(--state-failed)';
  return (
    <Tooltip label={`${why ? `${why}. ` : ''}By ${last.by}.`} multiline maw={420}>
      <span className={classes.mark}>
        <Sign size={16} color={color} aria-hidden />
        <Text span inherit truncate maw={420}>
          {good ? (
            <>
              Works · checked <Ago at={at} />
            </>
          ) : (
            <>
              Failed <Ago at={at} />: {why}
            </>
          )}
          {outdated && ' (changed since)'}
        </Text>
      </span>
    </Tooltip>
  );
}

/** The last check in full, on the page of its connection. */
export function LastCheckPanel({ last }: { last: LastCheck }) {
  const { at, by, outdated, source, destination, error } = last;
  return (
    <Panel
      title="Last check"
      about={outdated ? 'The connection was changed since: test it again.' : undefined}
      actions={
        <Text span size="sm" c="dimmed">
          {by}, <Ago at={at} />
        </Text>
      }
    >
      <Stack gap="xs">
        {error && <End what="The connection" end={error} />}
        <CheckResult check={{ good: last.good, source, destination }} />
      </Stack>
    </Panel>
  );
}
