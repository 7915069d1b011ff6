import { Button, Group, Text, Title } from '@mantine/core';
import { type ReactNode, useState } from 'react';

/** A part that is folded until something in it was set, is wrong, or is asked for. */
export function Fold(props: {
  title: string;
  about: string;
  /** Keys of it that are set. */
  set: string[];
  isWrong: boolean;
  children: ReactNode;
}) {
  const { title, about, set, isWrong, children } = props;
  const [asked, setAsked] = useState<boolean>();
  const isOpen = isWrong || (asked ?? set.length > 0);
  return (
    <section className="panel" aria-label={title}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" px="md" py="sm">
        <div>
          <Title order={2}>{title}</Title>
          <Text size="sm" c="dimmed">
            {about}
            {!isOpen && (set.length > 0 ? ` Set: ${set.join(', ')}.` : ' Nothing is set: the defaults hold.')}
          </Text>
        </div>
        <Button
          variant="default"
          size="compact-sm"
          flex="none"
          aria-expanded={isOpen}
          aria-label={`${isOpen ? 'Hide' : 'Show'} ${title.toLowerCase()}`}
          onClick={() => setAsked(!isOpen)}
        >
          {isOpen ? 'Hide' : 'Show'}
        </Button>
      </Group>
      {isOpen && (
        <div style={{ padding: '0 var(--mantine-spacing-md) var(--mantine-spacing-md)' }}>{children}</div>
      )}
    </section>
  );
}
