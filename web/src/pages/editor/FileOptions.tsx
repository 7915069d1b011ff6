import { Group, Select, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { More } from '../../ui/option';
import { useEditing } from './context';
import { mappingAt, textAt } from './draft';
import { Key, Keys } from './Keys';

/** Types that a column of a file can be read as; others can be written in the YAML. */
const TYPES = [
  'text',
  'bool',
  'int16',
  'int32',
  'int64',
  'float64',
  'numeric',
  'numeric(10,2)',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'uuid',
  'json',
  'bytes',
];

/** What a file does not say of itself: the types of its columns, and how it is written. */
export function FileOptions() {
  const { value, set, columns, isLocked, problem } = useEditing();
  const [isOpen, setIsOpen] = useState(false);
  const model = mappingAt(value, 'model');
  const types = mappingAt(model, 'types');
  const names = [...new Set([...columns.map(({ name }) => name), ...Object.keys(types)])];
  return (
    <Stack gap="xs">
      <Group gap="md">
        <More label="types and format of the file" open={isOpen} toggle={() => setIsOpen(!isOpen)} />
        {Object.keys(types).length > 0 && (
          <Text size="sm" c="dimmed">
            {Object.entries(types)
              .map(([name, type]) => `${name}: ${String(type)}`)
              .join(', ')}
          </Text>
        )}
      </Group>
      {isOpen && (
        <>
          <Text size="sm" c="dimmed">
            A CSV file does not say what its columns hold: they are text unless it is said here.
          </Text>
          <Keys>
            {names.map((name) => {
              const type = textAt(types, name);
              const known = columns.find((column) => column.name === name)?.type;
              return (
                <Select
                  key={name}
                  label={name}
                  disabled={isLocked}
                  searchable
                  clearable
                  data={type && !TYPES.includes(type) ? [type, ...TYPES] : TYPES}
                  value={type || null}
                  placeholder={known ? `${known} (as it is)` : 'as it is'}
                  onChange={(next) => set(['model', 'types', name], next ?? undefined)}
                  error={problem(['model', 'types', name])}
                />
              );
            })}
          </Keys>
          <Keys>
            <Key path={['model', 'format']} />
            <Key path={['model', 'delimiter']} />
            <Key path={['model', 'null']} label="Text that means NULL" />
          </Keys>
        </>
      )}
    </Stack>
  );
}
