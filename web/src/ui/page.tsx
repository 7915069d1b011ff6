import { Anchor, Breadcrumbs, Group, Stack, Text, Title } from '@mantine/core';
import { Link, type LinkProps } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';

interface Crumb {
  label: string;
  to: LinkProps['to'];
  params?: Record<string, string>;
}

/** What every page has: a title, a line that says what it is, its main action at the right. */
export function Page(props: {
  title: string;
  /** Beside the title, for example a status. */
  mark?: ReactNode;
  about?: ReactNode;
  actions?: ReactNode;
  crumbs?: Crumb[];
  children: ReactNode;
}) {
  const { title, mark, about, actions, crumbs, children } = props;
  useEffect(() => {
    document.title = `${title} · Syncline`;
  }, [title]);
  return (
    <Stack gap="md">
      <div>
        {crumbs && (
          <Breadcrumbs separatorMargin={6} mb={2}>
            {crumbs.map((crumb) => (
              <Anchor
                key={crumb.label}
                component={Link}
                to={crumb.to}
                params={crumb.params as never}
                size="sm"
              >
                {crumb.label}
              </Anchor>
            ))}
          </Breadcrumbs>
        )}
        <Group justify="space-between" align="flex-start" gap="sm">
          <div style={{ minWidth: 0 }}>
            <Group gap="sm">
              <Title order={1} style={{ overflowWrap: 'anywhere' }}>
                {title}
              </Title>
              {mark}
            </Group>
            {about && (
              <Text size="sm" c="dimmed" component="div">
                {about}
              </Text>
            )}
          </div>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
      </div>
      {children}
    </Stack>
  );
}

/** A part of a page, with a heading where it needs one. */
export function Panel(props: {
  title?: string;
  about?: ReactNode;
  actions?: ReactNode;
  pad?: boolean;
  children: ReactNode;
}) {
  const { title, about, actions, pad = true, children } = props;
  return (
    <section className="panel" aria-label={title}>
      {(title || actions) && (
        <Group justify="space-between" align="flex-start" wrap="nowrap" px="md" pt="sm" pb={pad ? 0 : 'sm'}>
          <div style={{ minWidth: 0 }}>
            {title && <Title order={2}>{title}</Title>}
            {about && (
              <Text size="sm" c="dimmed">
                {about}
              </Text>
            )}
          </div>
          {actions && <div style={{ flexShrink: 0 }}>{actions}</div>}
        </Group>
      )}
      <div
        style={
          pad
            ? { padding: 'var(--mantine-spacing-sm) var(--mantine-spacing-md) var(--mantine-spacing-md)' }
            : undefined
        }
      >
        {children}
      </div>
    </section>
  );
}
