import { Alert, Autocomplete, Button, Group, Stack, Text } from '@mantine/core';
import { IconPlus, IconWand } from '@tabler/icons-react';
import { useState } from 'react';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { useEditing } from './context';
import { asExpression, fieldsOf, missing, suggestions } from './draft';
import classes from './editor.module.css';
import { FieldRow } from './FieldRow';

/** Target fields and the expressions that make them. */
export function Mapping() {
  const { value, columns, targetColumns, addFields, order, isLocked, problem } = useEditing();
  const fields = fieldsOf(value);
  const proposed = suggestions(fields, columns, targetColumns);
  const needed = missing(fields, targetColumns);
  function move(from: number, by: number) {
    const names = fields.map(({ name }) => name);
    const [taken] = names.splice(from, 1);
    if (taken === undefined) return;
    names.splice(from + by, 0, taken);
    order(['mapping'], names);
  }
  return (
    <Panel
      title="Fields"
      about="Each target field with the SQL expression over the model's columns that makes it."
      actions={
        <Button
          variant="default"
          leftSection={<IconWand size={16} />}
          disabled={isLocked || proposed.length === 0}
          onClick={() => addFields(proposed)}
        >
          {proposed.length > 0 ? `Add ${counted(proposed.length, 'field')} of equal name` : 'Add equal names'}
        </Button>
      }
    >
      <Stack gap="sm">
        {fields.length === 0 ? (
          <Text size="sm" c="dimmed">
            No fields are chosen: every column is written under its own name.
          </Text>
        ) : (
          <div className={classes.fields}>
            <div className={classes.fieldsHead} aria-hidden>
              <span>Target field</span>
              <span>Expression</span>
            </div>
            {fields.map((field, n) => (
              <FieldRow
                key={field.name}
                field={field}
                isFirst={n === 0}
                isLast={n === fields.length - 1}
                move={(by) => move(n, by)}
              />
            ))}
          </div>
        )}
        {problem(['mapping'], true) && (
          <Text size="sm" c="red">
            {problem(['mapping'], true)}
          </Text>
        )}
        <AddField />
        {fields.length > 0 && needed.length > 0 && (
          <Alert color="yellow" variant="outline" p="xs">
            <Group gap="xs">
              <Text size="sm">Columns of the target that may not be NULL and are not filled here:</Text>
              {needed.map(({ name }) => (
                <Button
                  key={name}
                  size="compact-xs"
                  variant="default"
                  disabled={isLocked}
                  onClick={() => addFields([{ name, value: columnLike(name, columns) }])}
                >
                  + {name}
                </Button>
              ))}
            </Group>
          </Alert>
        )}
      </Stack>
    </Panel>
  );
}

function columnLike(name: string, columns: { name: string }[]): string {
  const found = columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  return found ? asExpression(found.name) : 'null';
}

function AddField() {
  const { value, columns, targetColumns, addFields, isLocked } = useEditing();
  const [name, setName] = useState('');
  const mapped = new Set(fieldsOf(value).map((field) => field.name));
  const free = targetColumns.map((column) => column.name).filter((one) => !mapped.has(one));
  const isTaken = mapped.has(name.trim());
  function add(chosen: string) {
    const field = chosen.trim();
    if (field === '' || mapped.has(field)) return;
    addFields([{ name: field, value: columnLike(field, columns) }]);
    setName('');
  }
  return (
    <Group gap="xs" align="flex-start">
      <Autocomplete
        aria-label="Field to add"
        placeholder="Field to add"
        disabled={isLocked}
        data={free}
        value={name}
        onChange={setName}
        onOptionSubmit={add}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && name.trim() !== '') {
            event.preventDefault();
            add(name);
          }
        }}
        error={isTaken ? 'This field has an expression already' : undefined}
        w={220}
      />
      <Button
        variant="default"
        leftSection={<IconPlus size={16} />}
        disabled={isLocked || name.trim() === '' || isTaken}
        onClick={() => add(name)}
      >
        Add
      </Button>
    </Group>
  );
}
