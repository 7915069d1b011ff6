import { SimpleGrid } from '@mantine/core';
import schema from '../../../instance.schema.json';
import { OptionField } from '../../ui/option';
import { type Option, optionNamed, schemaAt } from '../../ui/options';
import type { Path } from '../../ui/yaml';
import { useEditing } from './context';
import { valueAt } from './draft';

const ENTITY = schemaAt(schema, ['entities', '*']);

/** A key of a sync's definition, as the schema of the project's files describes it. */
export function describedKey(path: string[]): Option {
  const name = path[path.length - 1] ?? '';
  const above = schemaAt({ ...ENTITY, $defs: schema.$defs }, path.slice(0, -1));
  return optionNamed(above, name, schema);
}

/** One key as a field of the form. */
export function Key(props: { path: Path; choices?: string[]; label?: string }) {
  const { value, set, problem, isLocked } = useEditing();
  const { path, choices, label } = props;
  const option = describedKey(path.map(String));
  return (
    <OptionField
      option={label ? { ...option, label } : option}
      value={valueAt(value, path)}
      error={problem(path)}
      disabled={isLocked}
      choices={choices}
      onChange={(next) => set(path, next)}
    />
  );
}

/** Several keys beside each other. */
export function Keys({ children }: { children: React.ReactNode }) {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md" verticalSpacing="sm">
      {children}
    </SimpleGrid>
  );
}
