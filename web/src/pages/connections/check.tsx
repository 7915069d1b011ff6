import { Alert, Button, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import { Prose } from '../../ui/prose';
import classes from '../../ui/status.module.css';
import { Ago } from '../../ui/time';

type Check = Schemas['ConnectionCheck'];

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

/** The last test of a connection that this browser knows of. */
interface Tested {
  at: string;
  check?: Check;
  error?: unknown;
}

const key = (name: string) => ['tested connection', name];

/** Tests a connection and keeps what it answered, for the list and its page. */
export function useTest(name: string) {
  const queries = useQueryClient();
  const tested = useQuery<Tested | null>({
    queryKey: key(name),
    queryFn: () => null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  }).data;
  const test = api.useMutation('post', '/api/v1/connections/{name}/check', {
    onSettled: (check, error) =>
      queries.setQueryData<Tested>(key(name), {
        at: new Date().toISOString(),
        check,
        error: error ?? undefined,
      }),
  });
  const run = () => test.mutate({ params: { path: { name } } });
  return { tested: tested ?? undefined, isTesting: test.isPending, run };
}

/** How the last test of a connection went, and a way to make one. */
export function LastCheck({ name }: { name: string }) {
  const { tested, isTesting, run } = useTest(name);
  return (
    <Group gap={8} wrap="nowrap">
      {tested && <Verdict tested={tested} />}
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
    </Group>
  );
}

function Verdict({ tested: { at, check, error } }: { tested: Tested }) {
  const isGood = check?.good ?? false;
  const bad = [check?.source, check?.destination].find((end) => end && !end.good);
  const why = error instanceof Error ? error.message : bad?.message;
  const Sign = isGood ? IconCircleCheck : IconCircleX;
  return (
    <Tooltip label={why} disabled={!why} multiline maw={420}>
      <span className={classes.mark}>
        <Sign size={16} color={isGood ? 'var(--state-completed)' : 'var(--state-failed)'} aria-hidden />
        <span>
          {isGood ? 'Works' : 'Fails'}, <Ago at={at} />
        </span>
      </span>
    </Tooltip>
  );
}
