import { Alert, Anchor, Button, Group, List, Text } from '@mantine/core';
import { IconAlertCircle, IconPlugConnectedX } from '@tabler/icons-react';
import { ApiError } from '../api/client';
import type { Schemas } from '../api/types';
import { Prose } from './prose';

const LABEL = { label: { color: 'var(--state-failed)' } };

/** What happened, why, and what to do, with the code and its page. */
export function ProblemNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const again = retry && (
    <Button variant="default" onClick={retry}>
      Try again
    </Button>
  );
  if (!(error instanceof ApiError)) {
    const text = error instanceof Error ? error.message : String(error);
    return (
      <Alert
        icon={<IconPlugConnectedX />}
        color="red"
        variant="outline"
        title="No answer"
        role="alert"
        styles={LABEL}
      >
        <Group justify="space-between">
          <Text size="sm">{text}</Text>
          {again}
        </Group>
      </Alert>
    );
  }
  const { title, detail, help, code, type, errors } = error.problem;
  return (
    <Alert icon={<IconAlertCircle />} color="red" variant="outline" title={title} role="alert" styles={LABEL}>
      <Text size="sm" className="sentence" style={{ overflowWrap: 'anywhere' }}>
        {detail}
      </Text>
      {errors && errors.length > 0 && (
        <List size="sm" mt={4}>
          {errors.map((item, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes its order
            <List.Item key={n}>
              <PlaceOfProblem {...item} />
            </List.Item>
          ))}
        </List>
      )}
      {help && (
        <Text size="sm" mt={4} className="sentence">
          <Prose text={help} />
        </Text>
      )}
      <Group justify="space-between" mt={6}>
        <ErrorCode code={code} href={type} />
        {again}
      </Group>
    </Alert>
  );
}

/** Everything that is wrong with something as it is written; nothing when nothing is. */
export function ProblemList({ title, problems }: { title: string; problems: Schemas['ProblemItem'][] }) {
  if (problems.length === 0) return null;
  const isWarning = problems.every(({ warning }) => warning);
  return (
    <Alert
      icon={<IconAlertCircle />}
      color={isWarning ? 'yellow' : 'red'}
      variant="outline"
      title={isWarning ? 'Worth a look' : title}
      role="alert"
    >
      <List size="sm">
        {problems.map((problem, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes its order
          <List.Item key={n}>
            <PlaceOfProblem {...problem} />
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

function PlaceOfProblem({ at, message, help }: Schemas['ProblemItem']) {
  return (
    <>
      {at && <span className="mono">{at}: </span>}
      <Prose text={message} />
      {help && (
        <Text span c="dimmed" size="sm">
          {' '}
          <Prose text={help} />
        </Text>
      )}
    </>
  );
}

/** An error's stable code, which leads to the page about it. */
export function ErrorCode({ code, href }: { code: string; href?: string }) {
  const page = href?.startsWith('/') ? href : `/api/errors/${encodeURIComponent(code)}`;
  return (
    <Anchor href={page} target="_blank" rel="noreferrer" size="sm" className="mono">
      {code}
    </Anchor>
  );
}
