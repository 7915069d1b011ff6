import { Accordion, Group, Skeleton, Stack, Text } from '@mantine/core';
import { api } from '../../api/client';
import { RecordDiff } from '../../ui/diff';
import { counted } from '../../ui/format';
import { ErrorCode, ProblemNote } from '../../ui/problem';

const SHOWN = 20;

/** What a dry run found that a replay would write, record by record, and what would fail again. */
export function DryRun({ runId }: { runId: string }) {
  const path = { run_id: runId };
  const rows = api.useQuery('get', '/api/v1/runs/{run_id}/rows', {
    params: { path, query: { per_page: SHOWN } },
  });
  const errors = api.useQuery('get', '/api/v1/runs/{run_id}/errors', {
    params: { path, query: { per_page: SHOWN } },
  });
  const problem = rows.error ?? errors.error;
  if (problem) return <ProblemNote error={problem} />;
  if (!rows.data || !errors.data) return <Skeleton height={80} />;
  const more = rows.data.pagination.total - rows.data.data.length;
  const moreErrors = errors.data.total_errors - errors.data.data.length;
  return (
    <Stack gap="xs">
      {rows.data.data.length > 0 && (
        <Accordion variant="contained" chevronPosition="left" defaultValue={rows.data.data[0]?.row_id}>
          {rows.data.data.map((change) => (
            <Accordion.Item key={change.row_id} value={change.row_id}>
              <Accordion.Control>
                <Group gap="sm">
                  <Text size="sm" className="mono">
                    {change.row_id}
                  </Text>
                  <Text size="sm" c="dimmed">
                    {change.operation}, {counted(change.fields.length, 'field')}
                  </Text>
                </Group>
              </Accordion.Control>
              <Accordion.Panel>
                <RecordDiff fields={change.fields} operation={change.operation} />
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
      {more > 0 && (
        <Text size="sm" c="dimmed">
          And {counted(more, 'record')} more, on the run's page.
        </Text>
      )}
      {errors.data.data.map((error) => (
        <Text key={error.row_id} size="sm" style={{ overflowWrap: 'anywhere' }}>
          <span className="mono">{error.row_id}</span>
          {error.field ? ` · ${error.field}` : ''}: {error.message} <ErrorCode code={error.code} />
        </Text>
      ))}
      {moreErrors > 0 && (
        <Text size="sm" c="dimmed">
          And {counted(moreErrors, 'error')} more, on the run's page.
        </Text>
      )}
    </Stack>
  );
}
