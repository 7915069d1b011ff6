import { Text } from '@mantine/core';
import { Empty } from '../../ui/empty';
import { Panel } from '../../ui/page';
import { type Column, DataTable } from '../../ui/table';
import { type Definition, type MappedField, mappedFields } from './definition';

const WRITES: Record<string, string> = {
  always: 'Always written',
  if_empty: 'Only where the target has nothing',
  create_only: 'Only when the record is created',
};

const COLUMNS: Column<MappedField>[] = [
  {
    id: 'field',
    title: 'Target field',
    always: true,
    cell: ({ field, isMatch }) => (
      <>
        <span className="mono">{field}</span>
        {isMatch && (
          <Text span size="xs" c="dimmed" ml={8}>
            finds the record
          </Text>
        )}
      </>
    ),
  },
  {
    id: 'expression',
    title: 'Made from',
    wraps: true,
    cell: ({ expression }) => <span className="mono">{expression}</span>,
  },
  {
    id: 'rules',
    title: 'Rules',
    cell: ({ write, nulls }) =>
      [write && write !== 'always' && (WRITES[write] ?? write), nulls === 'skip' && 'NULL is not written']
        .filter(Boolean)
        .join('. ') || (
        <Text span c="dimmed" size="sm">
          Always written
        </Text>
      ),
  },
];

/** Which field of the target is made from what. */
export function MappingTable({ definition }: { definition: Definition }) {
  const fields = mappedFields(definition);
  return (
    <Panel
      title="Mapping"
      about="Each field of the target is a SQL expression over the columns of the model."
      pad={false}
    >
      <DataTable
        name="mapping"
        label="Mapping"
        columns={COLUMNS}
        rows={fields ?? []}
        keyOf={({ field }) => field}
        empty={
          <Empty title="Every column under its own name">
            This sync has no mapping: each column of the model is written to the field of the same name.
          </Empty>
        }
      />
    </Panel>
  );
}
