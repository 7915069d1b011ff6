import { ActionIcon, CopyButton, Group, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';

/** An id or another exact text, with a button that copies it. */
export function CopyText({ value, label }: { value: string; label: string }) {
  return (
    <Group gap={2} wrap="nowrap" display="inline-flex">
      <span className="mono" style={{ overflowWrap: 'anywhere' }}>
        {value}
      </span>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : `Copy ${label}`}>
            <ActionIcon variant="subtle" color="gray" size="xs" onClick={copy} aria-label={`Copy ${label}`}>
              {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}

/** The end of an id that tells it from others; the whole one on hover. */
export function ShortId({ id }: { id: string }) {
  const [kind, rest] = id.includes('_') ? [`${id.split('_')[0]}_…`, id.split('_')[1] ?? ''] : ['…', id];
  return (
    <Tooltip label={id}>
      <span className="mono">{rest.length > 12 ? kind + rest.slice(-8) : id}</span>
    </Tooltip>
  );
}
