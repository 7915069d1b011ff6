import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { Empty } from '../../ui/empty';
import { RecordLife } from './RecordLife';
import { syncRoute } from './route';

/** Finds one record by its key and shows its whole life. */
export function RecordsTab({ sync }: { sync: Sync }) {
  const { key } = syncRoute.useSearch();
  const navigate = syncRoute.useNavigate();
  const show = (wanted: string | undefined) =>
    void navigate({ search: { tab: 'records', key: wanted }, resetScroll: false });
  return (
    <Stack gap="md">
      <div className="panel" style={{ padding: 16 }}>
        <KeyForm key={key ?? ''} value={key ?? ''} show={show} />
        <Lately sync={sync} show={show} />
      </div>
      {key ? (
        <RecordLife sync={sync} rowId={key} />
      ) : (
        <div className="panel">
          <Empty title="The life of one record">
            Give a key to see every change of that record: which run made it, what each field was before and
            after, and what could not be delivered.
          </Empty>
        </div>
      )}
    </Stack>
  );
}

function KeyForm({ value, show }: { value: string; show: (key: string | undefined) => void }) {
  const [text, setText] = useState(value);
  const send = (event: FormEvent) => {
    event.preventDefault();
    show(text.trim() || undefined);
  };
  return (
    <form onSubmit={send}>
      <Group align="flex-end" gap="xs">
        <TextInput
          data-search
          label="Key of the record"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          leftSection={<IconSearch size={14} />}
          flex={1}
          maw={460}
        />
        <Button type="submit">Find</Button>
      </Group>
    </form>
  );
}

/** Keys of the last run that changed something, to begin with. */
function Lately({ sync, show }: { sync: Sync; show: (key: string) => void }) {
  const trends = api.useQuery('get', '/api/v1/syncs/{sync_id}/trends', {
    params: { path: { sync_id: sync.id } },
  }).data;
  const runId = trends?.points[0]?.run_id ?? '';
  const rows = api.useQuery(
    'get',
    '/api/v1/runs/{run_id}/rows',
    { params: { path: { run_id: runId }, query: { per_page: 8 } } },
    { enabled: runId !== '', retry: false },
  ).data?.data;
  return (
    <Group gap={6} mt="xs" mih={24}>
      <Text size="sm" c="dimmed">
        A key of several columns is a list: <span className="mono">["DE","7"]</span>.
        {rows && rows.length > 0 && ' In the last run:'}
      </Text>
      {rows?.map(({ row_id }) => (
        <Button
          key={row_id}
          variant="default"
          size="compact-xs"
          className="mono"
          onClick={() => show(row_id)}
        >
          {row_id}
        </Button>
      ))}
    </Group>
  );
}
