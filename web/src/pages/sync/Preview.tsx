import { ActionIcon, Button, Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { counted, plain } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import classes from './configuration.module.css';

type Row = Schemas['PreviewRowView'];

const ROWS = 20;

/** Rows of the model beside what would be sent, one at a time; nothing is written. */
export function Preview({ sync }: { sync: Sync }) {
  const preview = api.useMutation('post', '/api/v1/syncs/{sync_id}/preview');
  const [place, setPlace] = useState(0);
  const rows = preview.data?.rows;
  const row = rows?.[place];
  return (
    <Panel
      title="Preview"
      about="The first rows of the model, and what would be sent of them. Nothing is written."
      actions={
        <Allowed role="operator">
          {(disabled) => (
            <Button
              variant="default"
              disabled={disabled}
              loading={preview.isPending}
              onClick={() => {
                setPlace(0);
                preview.mutate({ params: { path: { sync_id: sync.id } }, body: { limit: ROWS } });
              }}
            >
              {rows ? 'Read again' : `Read ${ROWS} rows`}
            </Button>
          )}
        </Allowed>
      }
    >
      {preview.error && <ProblemNote error={preview.error} />}
      {rows?.length === 0 && <Empty title="The model returns no row" />}
      {rows && row && (
        <Stack gap="sm">
          <Group justify="space-between">
            <Summary rows={rows} />
            <Group gap={4}>
              <ActionIcon
                variant="default"
                aria-label="Row before"
                disabled={place === 0}
                onClick={() => setPlace(place - 1)}
              >
                <IconChevronLeft size={16} />
              </ActionIcon>
              <Text size="sm" className="num" miw={64} ta="center" aria-live="polite">
                {place + 1} of {rows.length}
              </Text>
              <ActionIcon
                variant="default"
                aria-label="Row after"
                disabled={place === rows.length - 1}
                onClick={() => setPlace(place + 1)}
              >
                <IconChevronRight size={16} />
              </ActionIcon>
            </Group>
          </Group>
          <Sides row={row} />
        </Stack>
      )}
    </Panel>
  );
}

function Summary({ rows }: { rows: Row[] }) {
  const invalid = rows.filter((row) => row.outcome === 'invalid').length;
  const excluded = rows.filter((row) => row.outcome === 'excluded').length;
  return (
    <Text size="sm">
      {counted(rows.length, 'row')} read
      {invalid > 0 && (
        <Text span size="sm" c="var(--state-failed)">
          , {invalid} invalid
        </Text>
      )}
      {excluded > 0 && `, ${excluded} excluded`}
    </Text>
  );
}

/** A row of the source and its payload side by side. */
function Sides({ row }: { row: Row }) {
  const error = row.error ?? undefined;
  const payload = entries(row.payload);
  const isOfField = error?.field && payload.some(([name]) => name === error.field);
  return (
    <>
      {row.outcome === 'excluded' && <Text size="sm">This row is excluded: it is not sent.</Text>}
      {error && !isOfField && (
        <Group gap={6} role="note">
          <IconAlertTriangle size={16} color="var(--state-failed)" aria-hidden />
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {error.field && <span className="mono">{error.field}: </span>}
            {error.message}
          </Text>
          <ErrorCode code={error.code} />
        </Group>
      )}
      <div className={classes.sides}>
        <Values caption="Row of the source" values={entries(row.source)} />
        {payload.length > 0 ? (
          <Values caption="Payload for the target" values={payload} error={error} />
        ) : (
          <Text size="sm" c="dimmed">
            Nothing would be sent of this row.
          </Text>
        )}
      </div>
    </>
  );
}

function Values(props: { caption: string; values: [string, unknown][]; error?: Schemas['PreviewError'] }) {
  const { caption, values, error } = props;
  return (
    <table className={classes.values}>
      <caption>{caption}</caption>
      <tbody>
        {values.map(([name, value]) => {
          const isWrong = error?.field === name;
          return (
            <tr key={name} className={isWrong ? classes.wrong : undefined}>
              <th scope="row">{name}</th>
              <td>
                {value === null ? <span className={classes.none}>null</span> : plain(value)}
                {isWrong && <span className={classes.why}>{error.message}</span>}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}
