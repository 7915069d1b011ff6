import { Stack, TagsInput, Text } from '@mantine/core';
import { useEditing } from './context';
import { Fold } from './Fold';
import { Key, Keys } from './Keys';

const KEYS = ['store_values', 'tags', 'excluded_keys', 'plan_ttl', 'renamed_from', 'active'];

/** What is kept, how the sync is found, and what is seldom needed. */
export function Options({ isNew }: { isNew: boolean }) {
  const { value, problem } = useEditing();
  return (
    <Fold
      title="More"
      about="What is kept of the values, and what is seldom needed."
      set={KEYS.filter((key) => value[key] !== undefined)}
      isWrong={KEYS.some((key) => problem([key]) !== undefined)}
    >
      <Keys>
        <Key path={['store_values']} label="Values that are kept" />
        <Key path={['tags']} />
        <ExcludedKeys />
        <Key path={['plan_ttl']} label="Plans stay good for" />
        {(isNew || value.renamed_from !== undefined) && <Key path={['renamed_from']} label="Renamed from" />}
        {(isNew || value.active !== undefined) && (
          <Key path={['active']} label="Active from the first sight on" />
        )}
      </Keys>
    </Fold>
  );
}

/** A list of keys; those of several columns, and those of a file, are written in the YAML. */
function ExcludedKeys() {
  const { value, set, isLocked, problem } = useEditing();
  const found = value.excluded_keys;
  const isSimple = found === undefined || (Array.isArray(found) && found.every((key) => !Array.isArray(key)));
  if (!isSimple) {
    return (
      <Stack gap={2}>
        <Text size="xs" fw={600}>
          Excluded keys
        </Text>
        <Text size="sm" c="dimmed">
          {Array.isArray(found) ? `${found.length} keys of several columns` : 'A file of keys'}; change them
          in the YAML.
        </Text>
      </Stack>
    );
  }
  return (
    <TagsInput
      label="Excluded keys"
      description="Keys of rows that are always skipped"
      disabled={isLocked}
      value={Array.isArray(found) ? found.map(String) : []}
      onChange={(next) => set(['excluded_keys'], next.length > 0 ? next : undefined)}
      error={problem(['excluded_keys'])}
      splitChars={[',']}
    />
  );
}
