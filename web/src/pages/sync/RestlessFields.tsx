import { Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Run } from '../../api/types';
import { counted, plain } from '../../ui/format';
import { restlessFields } from './path';

/** Fields named at most. */
const SHOWN = 8;

/** What a test after writing would change again, field by field, and where that may come from. */
export function RestlessFields({ run }: { run: Run }) {
  const plan = api.useQuery('get', '/api/v1/runs/{run_id}/plan', {
    params: { path: { run_id: run.id } },
  }).data;
  if (!plan) return null;
  const fields = restlessFields(plan.changes);
  const toPlan = (
    <Link to="/runs/$runId" params={{ runId: run.id }} search={{ tab: 'plan' }} className="link">
      See the plan
    </Link>
  );
  return (
    <div>
      {fields.length > 0 && (
        <>
          <Text size="sm">
            These fields would change again{plan.truncated && `, in the first ${plan.changes.length} changes`}
            :
          </Text>
          <Table verticalSpacing={4} withRowBorders layout="fixed" mt={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Field</Table.Th>
                <Table.Th>Delivered</Table.Th>
                <Table.Th>Would become</Table.Th>
                <Table.Th w={120} ta="right">
                  Records
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {fields.slice(0, SHOWN).map(({ field, times, before, after }) => (
                <Table.Tr key={field}>
                  <Table.Td className="mono">{field}</Table.Td>
                  <Table.Td className="mono" style={{ overflowWrap: 'anywhere' }}>
                    {plain(before)}
                  </Table.Td>
                  <Table.Td className="mono" style={{ overflowWrap: 'anywhere' }}>
                    {plain(after)}
                  </Table.Td>
                  <Table.Td className="num" ta="right">
                    {times}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          <Text size="sm" mt="xs">
            A field changes by itself when the model takes the time of reading or a random value, when it
            reads a copy that lags behind, or when another sync or program writes what this one wrote back to
            the source. {toPlan}
          </Text>
        </>
      )}
      {run.rows_created > 0 && (
        <Text size="sm" mt="xs">
          {counted(run.rows_created, 'record')} would be created: new at the source since, or rejected by the
          target when they were written. {fields.length === 0 && toPlan}
        </Text>
      )}
      {run.rows_deleted > 0 && (
        <Text size="sm" mt="xs">
          {counted(run.rows_deleted, 'record')} would be deleted: they left the model since, or the model does
          not return the same rows each time. {fields.length === 0 && run.rows_created === 0 && toPlan}
        </Text>
      )}
    </div>
  );
}
