import { ActionIcon, Alert, Group, Loader, Skeleton, Stack, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import type { Schemas } from '../../api/types';
import { counted, plain } from '../../ui/format';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import { useEditing } from './context';
import classes from './editor.module.css';
import type { Trial } from './server';

type Row = Schemas['PreviewRowView'];

/** The first source rows beside what would be sent. Nothing is written. */
export function Preview(props: { preview: Trial['preview']; at: number; onAt: (row: number) => void }) {
  const { preview, at, onAt } = props;
  const { columns } = useEditing();
  const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
  const rows = preview.data?.rows;
  if (!preview.isComplete) {
    return (
      <Text size="sm" c="dimmed" p="md">
        Once it is known what is read, its key and the target, the first rows stand here beside what would be
        sent. Nothing is written.
      </Text>
    );
  }
  if (preview.error && !preview.isSettling) {
    return (
      <div style={{ padding: 12 }}>
        <ProblemNote error={preview.error} />
      </div>
    );
  }
  if (!rows) return <Skeleton height={200} m="md" />;
  const row = rows[Math.min(at, rows.length - 1)];
  if (!row) {
    return (
      <Text size="sm" c="dimmed" p="md">
        The model has no rows.
      </Text>
    );
  }
  return (
    <Stack gap="xs" py="sm">
      <Group justify="space-between" px="sm" wrap="nowrap">
        <Text size="sm" c="dimmed">
          {summary(rows)}
        </Text>
        <Group gap={4} wrap="nowrap">
          {preview.isSettling && <Loader size={14} aria-label="Reading again" />}
          <ActionIcon
            variant="default"
            size="sm"
            disabled={at <= 0}
            onClick={() => onAt(at - 1)}
            aria-label="Row before"
          >
            <IconChevronLeft size={14} />
          </ActionIcon>
          <Text size="sm" className="num" style={{ whiteSpace: 'nowrap' }}>
            {Math.min(at, rows.length - 1) + 1} of {rows.length}
          </Text>
          <ActionIcon
            variant="default"
            size="sm"
            disabled={at >= rows.length - 1}
            onClick={() => onAt(at + 1)}
            aria-label="Next row"
          >
            <IconChevronRight size={14} />
          </ActionIcon>
        </Group>
      </Group>
      <Answer row={row} />
      <Values title="Source row" values={row.source} types={types} />
    </Stack>
  );
}

function summary(rows: Row[]): string {
  const having = (outcome: string) => rows.filter((row) => row.outcome === outcome).length;
  const parts = [
    `${counted(having('payload'), 'row')} would be sent`,
    having('excluded') > 0 && `${having('excluded')} excluded`,
    having('invalid') > 0 && `${having('invalid')} invalid`,
  ];
  return parts.filter(Boolean).join(', ');
}

function Answer({ row }: { row: Row }) {
  if (row.outcome === 'excluded') {
    return (
      <Text size="sm" px="sm">
        This row is excluded: nothing is sent for it.
      </Text>
    );
  }
  if (row.error) {
    const { field, message, raw_value, code } = row.error;
    return (
      <Alert color="red" variant="outline" p="xs" mx="sm" title={field ? `Invalid: ${field}` : 'Invalid'}>
        <Text size="sm">{message}</Text>
        {raw_value !== null && raw_value !== undefined && (
          <Text size="sm" c="dimmed">
            Value: <span className="mono">{raw_value}</span>
          </Text>
        )}
        <ErrorCode code={code} />
      </Alert>
    );
  }
  return <Values title="Would be sent" values={row.payload} />;
}

function Values(props: { title: string; values: unknown; types?: Record<string, string | undefined> }) {
  const { title, values, types } = props;
  const isRow = typeof values === 'object' && values !== null;
  return (
    <table className={classes.values}>
      <caption style={{ captionSide: 'top', textAlign: 'left', padding: '4px 8px', fontWeight: 600 }}>
        {title}
      </caption>
      <tbody>
        {isRow ? (
          Object.entries(values).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">
                {name}
                {types?.[name] && (
                  <Text span c="dimmed" className="mono" ml={6} style={{ fontSize: '0.6875rem' }}>
                    {types[name]}
                  </Text>
                )}
              </th>
              <td className="mono">
                {value === null ? <i style={{ color: 'var(--ink-soft)' }}>null</i> : plain(value)}
              </td>
            </tr>
          ))
        ) : (
          <tr>
            <td colSpan={2}>{plain(values)}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
