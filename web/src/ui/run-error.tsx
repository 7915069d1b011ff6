import { Alert, List, Text } from '@mantine/core';
import { IconAlertCircle } from '@tabler/icons-react';
import type { Schemas } from '../api/types';
import { ErrorCode } from './problem';
import { Prose } from './prose';
import { sentence } from './verdict';

/** Why a run as a whole failed: what happened, why, and what to do. */
export function RunError({ error }: { error: Schemas['ErrorView'] }) {
  return (
    <Alert
      icon={<IconAlertCircle />}
      color="red"
      variant="outline"
      title={<div className="sentence">{sentence(error.message)}</div>}
      styles={{ label: { color: 'var(--state-failed)', overflowWrap: 'anywhere', whiteSpace: 'normal' } }}
    >
      {error.causes.length > 0 && (
        <List size="sm" mb={6}>
          {error.causes.map((cause) => (
            <List.Item key={cause}>Because: {sentence(cause)}</List.Item>
          ))}
        </List>
      )}
      {error.help && (
        <Text size="sm" mb={6} style={{ overflowWrap: 'anywhere' }}>
          What to do: <Prose text={sentence(error.help)} />
        </Text>
      )}
      <ErrorCode code={error.code} />
    </Alert>
  );
}
