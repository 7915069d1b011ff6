import { Button, Group, Modal, NumberInput, Radio, Skeleton, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Run, Schemas } from '../../api/types';
import { count, counted, duration } from '../../ui/format';
import { ProblemNote } from '../../ui/problem';
import classes from './letters.module.css';
import { ReplayRuns } from './ReplayRuns';
import { choiceOf, type Scope } from './scope';
import { MODES, type Mode } from './words';

interface Started {
  isDry: boolean;
  runs: Run[];
}

/** Sends letters again: says first what that would do, then shows how it goes. */
export function ReplayModal(props: {
  scope: Scope;
  close: () => void;
  started?: () => void;
  /** What is chosen at first. */
  as?: Mode;
}) {
  const { scope, close, started: tellStarted, as = 'reread' } = props;
  const [mode, setMode] = useState<Mode>(as);
  const [pace, setPace] = useState<number>();
  const [askedPace] = useDebouncedValue(pace, 300);
  const [started, setStarted] = useState<Started>();
  const request: Schemas['ReplayRequest'] = { ...choiceOf(scope, ['open']), mode, per_second: askedPace };
  const estimate = api.useQuery(
    'post',
    '/api/v1/dead-letters/estimate',
    { body: request },
    { staleTime: 0, placeholderData: (before) => before },
  );
  const replay = api.useMutation('post', '/api/v1/dead-letters/replay');

  function start(isDry: boolean) {
    replay.mutate(
      { body: { ...request, dry_run: isDry, trigger: 'manual' } },
      { onSuccess: ({ runs }) => setStarted({ isDry, runs }) },
    );
  }
  function leave() {
    if (started && !started.isDry) tellStarted?.();
    close();
  }

  const replayable = estimate.data?.replayable ?? 0;
  const isReady = replayable > 0 && !estimate.isPlaceholderData && askedPace === pace;
  return (
    <Modal
      opened
      onClose={leave}
      size="lg"
      title={started ? (started.isDry ? 'Dry run' : 'Replay') : 'Replay dead letters'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {started ? (
        <Stack gap="sm">
          <ReplayRuns runIds={started.runs.map((run) => run.id)} />
          {replay.error ? <ProblemNote error={replay.error} /> : null}
          <Group justify="flex-end" gap="xs">
            {started.isDry && (
              <Button variant="default" onClick={() => setStarted(undefined)}>
                Back
              </Button>
            )}
            {started.isDry ? (
              <Button loading={replay.isPending} disabled={!isReady} onClick={() => start(false)}>
                Replay {counted(replayable, 'record')}
              </Button>
            ) : (
              <Button variant="default" onClick={leave}>
                Close
              </Button>
            )}
          </Group>
        </Stack>
      ) : (
        <Stack gap="md">
          <Radio.Group
            label="What is sent"
            value={mode}
            onChange={(value) => setMode(value as Mode)}
            name="mode"
          >
            <Stack gap="xs" mt={6}>
              {(Object.keys(MODES) as Mode[]).map((name) => (
                <Radio.Card key={name} value={name} className={classes.mode}>
                  <Group wrap="nowrap" align="flex-start" gap="sm">
                    <Radio.Indicator size="sm" mt={2} />
                    <div>
                      <Text size="sm" fw={500}>
                        {MODES[name].word}
                      </Text>
                      <Text size="sm" c="dimmed">
                        {MODES[name].about}
                      </Text>
                    </div>
                  </Group>
                </Radio.Card>
              ))}
            </Stack>
          </Radio.Group>
          <NumberInput
            label="Pace"
            description="Most records sent in a second; empty: as fast as the target takes them."
            placeholder="Unlimited"
            min={1}
            max={1_000_000}
            allowDecimal={false}
            value={pace ?? ''}
            onChange={(value) => setPace(typeof value === 'number' ? value : undefined)}
            maw={340}
          />
          <Estimate estimate={estimate.data} error={estimate.error} retry={() => void estimate.refetch()} />
          {replay.error ? <ProblemNote error={replay.error} /> : null}
          <Group justify="flex-end" gap="xs">
            <Button
              variant="default"
              disabled={!isReady}
              loading={replay.isPending}
              onClick={() => start(true)}
            >
              Dry run first
            </Button>
            <Button disabled={!isReady} loading={replay.isPending} onClick={() => start(false)}>
              Replay {isReady ? counted(replayable, 'record') : ''}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

/** How many can be replayed, how long it takes, and why the others cannot. */
function Estimate(props: {
  estimate: Schemas['ReplayEstimate'] | undefined;
  error: unknown;
  retry: () => void;
}) {
  const { estimate, error, retry } = props;
  if (error) return <ProblemNote error={error} retry={retry} />;
  return (
    <div className={classes.estimate} aria-live="polite">
      {estimate ? (
        <Stack gap={6}>
          <Text size="sm" fw={600}>
            {verdict(estimate)}
          </Text>
          {estimate.refused.map(({ code, message, letters, sample }) => (
            <Text key={code + message} size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {count(letters)} not: {message} <span className="mono">({sample.join(', ')})</span>
            </Text>
          ))}
          {estimate.refused.length === 0 && (
            <Text size="sm" c="dimmed">
              A dry run shows what each of them would write, and writes nothing.
            </Text>
          )}
        </Stack>
      ) : (
        <Stack gap="xs">
          <Skeleton height={14} width="60%" />
          <Skeleton height={12} width="85%" />
        </Stack>
      )}
    </div>
  );
}

function verdict({ letters, replayable, runs, seconds }: Schemas['ReplayEstimate']): string {
  if (replayable === 0) {
    return letters === 1
      ? 'This record cannot be replayed like this.'
      : `None of the ${count(letters)} records can be replayed like this.`;
  }
  const who =
    replayable === letters
      ? letters === 1
        ? 'The record can be replayed'
        : `All ${count(letters)} records can be replayed`
      : `${count(replayable)} of ${count(letters)} records can be replayed`;
  const time = seconds ? `, which takes ${duration(seconds)} at least` : '';
  return `${who}, in ${counted(runs, 'run')}${time}.`;
}
