import { Code, Drawer, Stack, Text } from '@mantine/core';
import type { Schemas } from '../../api/types';
import { CopyText } from '../../ui/copy';
import { Facts } from '../../ui/facts';
import { exact } from '../../ui/format';
import { ErrorCode } from '../../ui/problem';

/** One record of the log in full. */
export function AuditRecord({ record, close }: { record?: Schemas['AuditView']; close: () => void }) {
  const detail = record?.detail;
  const hasDetail = typeof detail === 'object' && detail !== null && Object.keys(detail).length > 0;
  return (
    <Drawer
      opened={record !== undefined}
      onClose={close}
      position="right"
      size="md"
      title={record ? `Record ${record.sequence}` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {record && (
        <Stack gap="md">
          <Facts
            of={{
              When: exact(record.at),
              Who: (
                <>
                  {record.actor_name} <span className="mono">({record.actor})</span>
                </>
              ),
              From: record.remote ?? 'the server itself',
              Action: <span className="mono">{record.action}</span>,
              Target: <CopyText value={record.target} label="target" />,
              Result: record.result === 'ok' ? 'Done' : <ErrorCode code={record.result} />,
              Hash: <CopyText value={record.hash} label="hash" />,
            }}
          />
          <div>
            <Text size="sm" fw={500} mb={4}>
              What was asked for
            </Text>
            {hasDetail ? (
              <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {JSON.stringify(detail, null, 2)}
              </Code>
            ) : (
              <Text size="sm" c="dimmed">
                Nothing beyond the target.
              </Text>
            )}
          </div>
        </Stack>
      )}
    </Drawer>
  );
}
