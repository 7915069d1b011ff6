import { Button, Code, Group, List, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconArrowRight, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import classes from './configuration.module.css';
import { at, type Definition, modelOf, words } from './definition';

const KINDS: Record<string, string> = { sql: 'SQL', sql_file: 'SQL file', table: 'Table', file: 'File' };

/** What is read and where it is written, and whether both can be reached and fit. */
export function Ends({ sync, definition }: { sync: Sync; definition: Definition }) {
  const check = api.useMutation('post', '/api/v1/syncs/{sync_id}/check');
  const model = modelOf(definition);
  return (
    <Panel
      title="From and to"
      actions={
        <Allowed role="operator">
          {(disabled) => (
            <Button
              variant="default"
              disabled={disabled}
              loading={check.isPending}
              onClick={() => check.mutate({ params: { path: { sync_id: sync.id } } })}
            >
              Check both ends
            </Button>
          )}
        </Allowed>
      }
    >
      <div className={classes.ends}>
        <End label="Source" connection={sync.source}>
          {model && (
            <>
              <Text size="xs" c="dimmed">
                {KINDS[model.kind] ?? model.kind}
              </Text>
              {model.kind === 'sql' ? (
                <Code block className={classes.model}>
                  {model.text}
                </Code>
              ) : (
                <span className="mono">{model.text}</span>
              )}
            </>
          )}
          <Small label="Key" value={words(at(definition, 'model.key'))} />
          <Small label="Cursor" value={words(at(definition, 'model.cursor'))} />
        </End>
        <IconArrowRight size={20} aria-hidden className={classes.arrow} color="var(--ink-soft)" />
        <End label="Target" connection={sync.target}>
          <Text size="xs" c="dimmed">
            Object
          </Text>
          <span className="mono">{sync.object}</span>
          <Small label="Found by" value={words(at(definition, 'to.match'))} />
        </End>
      </div>
      {check.error && <ProblemNote error={check.error} />}
      {check.data && <Result found={check.data} />}
    </Panel>
  );
}

function End({ label, connection, children }: { label: string; connection: string; children: ReactNode }) {
  return (
    <Stack gap={4} miw={0}>
      <Group gap={6}>
        <Text size="sm" c="dimmed">
          {label}
        </Text>
        <Link to="/connections/$name" params={{ name: connection }} className="link">
          {connection}
        </Link>
      </Group>
      {children}
    </Stack>
  );
}

function Small({ label, value }: { label: string; value: string | undefined }) {
  if (!value) return null;
  return (
    <Text size="sm">
      <Text span size="sm" c="dimmed">
        {label}{' '}
      </Text>
      <span className="mono">{value}</span>
    </Text>
  );
}

/** What a check of both ends found. */
function Result({ found }: { found: Schemas['SyncCheck'] }) {
  const warnings = found.problems.filter((problem) => problem.warning);
  return (
    <Stack gap="xs" mt="md" role="status">
      <Group gap={6}>
        {!found.good ? (
          <IconCircleX size={16} color="var(--state-failed)" aria-hidden />
        ) : warnings.length > 0 ? (
          <IconAlertTriangle size={16} color="var(--state-partial)" aria-hidden />
        ) : (
          <IconCircleCheck size={16} color="var(--state-completed)" aria-hidden />
        )}
        <Text fw={600}>
          {found.good ? 'Both ends are reached and fit together.' : 'It cannot run like this.'}
        </Text>
      </Group>
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        Source: {found.source}
        <br />
        Target: {found.target}
      </Text>
      {found.problems.length > 0 && (
        <List size="sm">
          {found.problems.map((problem) => (
            <List.Item key={`${problem.at} ${problem.message}`}>
              {problem.at && <span className="mono">{problem.at}: </span>}
              {problem.message}{' '}
              <Text span size="sm" c="dimmed">
                {problem.help}
              </Text>
            </List.Item>
          ))}
        </List>
      )}
      {found.creation && (
        <Text size="sm">
          The target object is missing. It would be made by: <Code>{found.creation}</Code>
        </Text>
      )}
      <Text size="sm" c="dimmed">
        Columns of the model:{' '}
        {found.columns.map(({ name, type }, n) => (
          <span key={name}>
            {n > 0 && ', '}
            <span className="mono">{name}</span> {type}
          </span>
        ))}
      </Text>
    </Stack>
  );
}
