import { Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../../api/client';
import { CopyText } from '../../ui/copy';
import { ProblemNote } from '../../ui/problem';
import { Prose } from '../../ui/prose';
import classes from './editor.module.css';

/** What expressions can call, with an example of each. */
export function Functions() {
  const [wanted, setWanted] = useState('');
  const found = api.useQuery('get', '/api/v1/functions', {}, { staleTime: Number.POSITIVE_INFINITY });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton height={200} m="sm" />;
  const word = wanted.trim().toLowerCase();
  const fitting = found.data.filter(({ name, aliases, signature, summary }) =>
    [name, ...aliases, signature, summary].some((text) => text.toLowerCase().includes(word)),
  );
  return (
    <Stack gap={0}>
      <TextInput
        m="sm"
        aria-label="Find a function"
        placeholder="Find a function"
        leftSection={<IconSearch size={14} />}
        value={wanted}
        onChange={(event) => setWanted(event.currentTarget.value)}
      />
      {fitting.map(({ name, aliases, signature, summary, example, result }) => (
        <div key={signature} className={classes.function}>
          <CopyText
            value={signature.includes('→') ? (signature.split(' →')[0] ?? name) : name}
            label={name}
          />
          <Text size="sm">
            <Prose text={summary} />
            {aliases.length > 0 && ` Also called ${aliases.join(', ')}.`}
          </Text>
          <Text size="xs" c="dimmed" className="mono">
            {example} = {result}
          </Text>
        </div>
      ))}
      {fitting.length === 0 && (
        <Text size="sm" c="dimmed" px="sm" pb="sm">
          No function fits. What is not here can be computed in the model's SQL.
        </Text>
      )}
    </Stack>
  );
}
