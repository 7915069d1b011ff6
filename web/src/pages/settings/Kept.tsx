import { Skeleton } from '@mantine/core';
import { Facts } from '../../ui/facts';
import { bytes, count, duration } from '../../ui/format';
import { Panel } from '../../ui/page';
import { useServer } from './server';

/** How long things are kept, and what the server takes at most. */
export function Kept() {
  const server = useServer().data;
  if (!server) return <Skeleton height={220} />;
  const { retention, limits } = server;
  return (
    <Panel title="Retention and limits" about="Set in the project, under settings.">
      <Facts
        of={{
          Runs: `${duration(retention.runs_seconds)}, with their plans and rows`,
          'Dead letters': `${duration(retention.dead_letters_seconds)} while nobody settles them, ${count(retention.dead_letters_max)} at most`,
          'Events and messages': duration(retention.events_seconds),
          'Memory of all runs': bytes(limits.memory_budget_bytes),
          'Waiting runs of a sync': `${count(limits.queued_per_sync_max)} at most`,
          'Size of a request': `${bytes(limits.body_bytes_max)} at most`,
          Sessions: `${duration(limits.session_seconds)} at most`,
        }}
      />
    </Panel>
  );
}
