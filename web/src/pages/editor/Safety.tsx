import { Stack, Text } from '@mantine/core';
import { useEditing } from './context';
import { mappingAt } from './draft';
import { Fold } from './Fold';
import { Key, Keys } from './Keys';

const GUARDS = {
  max_creates: 'Most that are created',
  max_updates: 'Most that are updated',
  max_deletes: 'Most that are deleted',
  max_source_drop: 'Largest drop of the source',
  max_nulled: 'Largest rise of NULLs in a field',
  max_invalid: 'Most rows that fail',
};

/** Limits that hold a run before it writes, and thresholds that halt the sync. */
export function Safety() {
  const { value, problem } = useEditing();
  return (
    <Fold
      title="Limits"
      about="Beyond a guard a run is held before it writes anything, until somebody approves or rejects it."
      set={[...Object.keys(mappingAt(value, 'guards')), ...Object.keys(mappingAt(value, 'halt'))]}
      isWrong={problem(['guards']) !== undefined || problem(['halt']) !== undefined}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          A count such as 1000, a share such as 10%, or off. Empty: the default.
        </Text>
        <Keys>
          {Object.entries(GUARDS).map(([name, label]) => (
            <Key key={name} path={['guards', name]} label={label} />
          ))}
        </Keys>
        <Text size="sm" fw={600}>
          Halt the sync, until a person activates it again, after
        </Text>
        <Keys>
          <Key path={['halt', 'failed_rows']} label="Failed rows in a run" />
          <Key path={['halt', 'consecutive_failures']} label="Failed runs in a row" />
        </Keys>
        {(problem(['guards'], true) ?? problem(['halt'], true)) && (
          <Text size="sm" c="red">
            {problem(['guards'], true) ?? problem(['halt'], true)}
          </Text>
        )}
      </Stack>
    </Fold>
  );
}
