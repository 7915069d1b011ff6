import { Select, Stack, TextInput } from '@mantine/core';
import { useEditing } from './context';
import { mappingAt, textAt } from './draft';
import { Key, Keys } from './Keys';

const WORDS: Record<string, string> = {
  delete: 'Delete it',
  clear_fields: 'Clear the delivered fields, keep the record',
  flag: 'Set a field, keep the record',
  ignore: 'Leave it as it is',
};

/** What a mirror does with records that left the model, and how it finds them. */
export function OnRemoved() {
  const { value, set, writes, isLocked, problem, targetColumns } = useEditing();
  const flag = mappingAt(mappingAt(value, 'on_removed'), 'flag');
  const isFlag = 'flag' in mappingAt(value, 'on_removed');
  const chosen = isFlag ? 'flag' : textAt(value, 'on_removed') || 'delete';
  const offered = writes?.destination?.on_removed ?? Object.keys(WORDS);
  function choose(next: string | null) {
    if (next === 'flag')
      set(['on_removed'], { flag: { field: targetColumns[0]?.name ?? 'deleted', value: 'true' } });
    else set(['on_removed'], next && next !== 'delete' ? next : undefined);
  }
  return (
    <Stack gap="sm">
      <Keys>
        <Select
          label="When a record left the model"
          disabled={isLocked}
          data={offered.map((one) => ({ value: one, label: WORDS[one] ?? one }))}
          value={chosen}
          onChange={choose}
          allowDeselect={false}
          error={problem(['on_removed'])}
        />
        {isFlag && (
          <>
            <TextInput
              label="Field that is set"
              disabled={isLocked}
              value={textAt(flag, 'field')}
              onChange={(event) => set(['on_removed', 'flag', 'field'], event.currentTarget.value)}
            />
            <TextInput
              label="What it is set to"
              description="true for a boolean, now for a date and time, or any text"
              disabled={isLocked}
              value={textAt(flag, 'value')}
              onChange={(event) => set(['on_removed', 'flag', 'value'], event.currentTarget.value)}
            />
          </>
        )}
        {textAt(mappingAt(value, 'model'), 'cursor') !== '' && (
          <Key path={['full_read', 'every']} label="Complete read of the keys every" />
        )}
        <Key path={['delete_adopted']} />
      </Keys>
    </Stack>
  );
}
