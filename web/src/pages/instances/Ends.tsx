import { Select, SimpleGrid } from '@mantine/core';
import type { ReactNode } from 'react';
import { useAll } from '../../api/all';
import { firstOf, narrowed } from '../../ui/narrow';
import { useConnectors } from '../connections/kind';

/** The connection that is read and the one that is written. */
export function Ends(props: {
  source: string | null;
  target: string | null;
  onChange: (ends: { source: string | null; target: string | null }) => void;
  errors?: { source?: ReactNode; target?: ReactNode };
  disabled?: boolean;
}) {
  const { source, target, onChange, errors, disabled } = props;
  const connections = useAll('/api/v1/connections');
  const filter = narrowed(firstOf(connections.cut, 'connection'));
  const connectors = useConnectors().data ?? [];
  const options = (can: 'source' | 'destination') =>
    (connections.data ?? [])
      .filter(({ type }) => connectors.find((one) => one.type === type)?.[can] != null)
      .map(({ name, type }) => ({ value: name, label: `${name} (${type})` }));
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
      <Select
        label="Source"
        description="The connection that is read"
        required
        searchable
        filter={filter}
        disabled={disabled}
        data={options('source')}
        value={source}
        error={errors?.source}
        nothingFoundMessage="No connection that can be read"
        onChange={(next) => onChange({ source: next, target })}
      />
      <Select
        label="Target"
        description="The connection that is written"
        required
        searchable
        filter={filter}
        disabled={disabled}
        data={options('destination')}
        value={target}
        error={errors?.target}
        nothingFoundMessage="No connection that can be written"
        onChange={(next) => onChange({ source, target: next })}
      />
    </SimpleGrid>
  );
}
