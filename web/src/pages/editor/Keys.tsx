import { SimpleGrid } from '@mantine/core';
import { OptionField } from '../../ui/option';
import { type Option, optionNamed, schemaAt } from '../../ui/options';
import type { Path } from '../../ui/yaml';
import { useEditing } from './context';
import { valueAt } from './draft';

/** How the schema of the project's files describes keys of a sync's definition. */
export function useDescribed(): (path: string[]) => Option {
  const { schema } = useEditing();
  return (path) => {
    const name = path[path.length - 1] ?? '';
    return optionNamed(schemaAt(schema, ['entities', '*', ...path.slice(0, -1)]), name, schema);
  };
}

/** One key as a field of the form. */
export function Key(props: { path: Path; choices?: string[]; label?: string }) {
  const { value, set, problem, isLocked } = useEditing();
  const { path, choices, label } = props;
  const option = useDescribed()(path.map(String));
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
