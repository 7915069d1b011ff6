import { Alert, Text } from '@mantine/core';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import type { Schemas } from '../../api/types';
import { duration } from '../../ui/format';
import { ProblemNote } from '../../ui/problem';

/** How a try of a channel went, until it is closed. */
export function TestAnswer(props: {
  name: string;
  answer: Schemas['NotificationTest'] | undefined;
  error: unknown;
  close: () => void;
}) {
  const { name, answer, error, close } = props;
  if (error) {
    return (
      <div style={{ padding: '0 16px 12px' }}>
        <ProblemNote error={error} />
      </div>
    );
  }
  if (!answer) return null;
  const said = answer.status ? `The receiver answered ${answer.status}` : 'There was no answer';
  return (
    <div style={{ padding: '0 16px 12px' }}>
      <Alert
        icon={answer.delivered ? <IconCircleCheck /> : <IconCircleX />}
        color={answer.delivered ? 'green' : 'red'}
        variant="outline"
        title={answer.delivered ? `${name} got the message` : `${name} did not get the message`}
        withCloseButton
        closeButtonLabel="Close"
        onClose={close}
        role="status"
      >
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {said} after {duration(answer.seconds)}
          {answer.error ? `: ${answer.error}` : ''}.
        </Text>
      </Alert>
    </div>
  );
}
