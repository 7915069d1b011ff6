import { Button, Group, Modal, Skeleton, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { counted } from '../../ui/format';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { choiceOf, type Scope } from './scope';

type StateName = Schemas['LetterStateName'];

/** Most characters of a reason. */
const REASON_MAX = 500;

/** What a person can decide about letters, as the API names it. */
export const DECISIONS = {
  ignore: {
    word: 'Ignore',
    path: '/api/v1/dead-letters/ignore',
    from: ['open'] as StateName[],
    about:
      'Not tried again until their source rows change. A run that reads everything in full sends them all the same.',
    done: 'ignored',
  },
  resolve: {
    word: 'Resolve by hand',
    path: '/api/v1/dead-letters/resolve',
    from: ['open', 'ignored'] as StateName[],
    about: 'For what somebody put right at the target. A record that fails again makes a new letter.',
    done: 'resolved',
  },
  reopen: {
    word: 'Reopen',
    path: '/api/v1/dead-letters/reopen',
    from: ['ignored'] as StateName[],
    about: 'Ignored letters are open again, and the next run tries them.',
    done: 'open again',
  },
} as const;

export type Decision = keyof typeof DECISIONS;

/** Says what a decision means and for how many, then carries it out. */
export function DecideModal(props: {
  scope: Scope;
  decision: Decision;
  close: () => void;
  done?: () => void;
}) {
  const { scope, decision, close, done } = props;
  const { word, path, from, about, done: outcome } = DECISIONS[decision];
  const choice = choiceOf(scope, from);
  const [reason, setReason] = useState('');
  const total = useTotal(choice);
  const decide = api.useMutation('post', path, {
    onSuccess: ({ changed, unchanged }) => {
      const rest = unchanged > 0 ? `; ${counted(unchanged, 'other')} in a state that does not allow it` : '';
      tellDone(`${counted(changed, 'dead letter')} ${outcome}${rest}.`);
      done?.();
      close();
    },
  });
  return (
    <Modal
      opened
      onClose={close}
      title={total === undefined ? word : `${word}: ${counted(total, 'dead letter')}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        {total === undefined ? <Skeleton height={16} /> : null}
        {total === 0 ? (
          <Text size="sm">None of them is {from.join(' or ')}.</Text>
        ) : (
          <Text size="sm">{about}</Text>
        )}
        {decision === 'ignore' && (
          <Textarea
            label="Reason"
            description="For whoever looks at them later. It may be left out."
            autosize
            minRows={2}
            maxRows={6}
            maxLength={REASON_MAX}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        )}
        {decide.error ? <ProblemNote error={decide.error} /> : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>
            Back
          </Button>
          <Button
            disabled={!total}
            loading={decide.isPending}
            onClick={() =>
              decide.mutate({ body: decision === 'ignore' && reason ? { ...choice, reason } : choice })
            }
            data-autofocus
          >
            {word}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** How many letters a request is about: those named, or those that match now. */
function useTotal(choice: Schemas['LetterChoice']): number | undefined {
  const { filter } = choice;
  const { state, ...match } = filter ?? {};
  const query = Object.fromEntries(Object.entries(match).filter(([, value]) => value));
  const found = api.useQuery(
    'get',
    '/api/v1/dead-letters',
    { params: { query: { ...query, state: state?.join(','), per_page: 1 } } },
    { enabled: Boolean(filter) },
  );
  return choice.ids ? choice.ids.length : found.data?.pagination.total;
}
