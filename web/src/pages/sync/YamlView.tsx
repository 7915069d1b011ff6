import { Text } from '@mantine/core';
import { stringify } from 'yaml';
import type { Sync } from '../../api/types';
import CodeEditor from '../../ui/code';
import { Panel } from '../../ui/page';
import type { Definition } from './definition';

/** The sync as it stands, or could stand, in a file. */
export default function YamlView({ sync, definition }: { sync: Sync; definition: Definition }) {
  const document = {
    instance: sync.instance,
    source: sync.source,
    target: sync.target,
    entities: { [sync.entity]: definition },
  };
  return (
    <Panel
      title="YAML"
      about={`As it could stand in a file below syncs/, without what it inherits from the project's defaults.`}
    >
      <CodeEditor
        label={`YAML of ${sync.id}`}
        language="yaml"
        value={stringify(document, { lineWidth: 100 })}
      />
      {sync.origin === 'file' && (
        <Text size="sm" c="dimmed" mt="xs">
          Read-only here: it is changed in <span className="mono">{sync.place}</span>.
        </Text>
      )}
    </Panel>
  );
}
