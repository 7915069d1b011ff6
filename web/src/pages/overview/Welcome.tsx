import { Text } from '@mantine/core';
import { ButtonLink } from '../../ui/link';
import { Panel } from '../../ui/page';
import classes from './overview.module.css';

const STEPS = [
  {
    title: '1. Connect two systems',
    about: 'A database, an API or a folder of files to read from, and one to write to.',
    to: '/connections',
    label: 'Connections',
  },
  {
    title: '2. Make a sync',
    about: 'What is read, which field of the target gets which value, and when it runs.',
    to: '/new-sync',
    label: 'New sync',
  },
  {
    title: '3. Test it, then activate it',
    about: 'A test run shows each change it would make and writes nothing.',
    to: '/trigger',
    label: 'Sync trigger',
  },
] as const;

/** The overview of a workspace without syncs: what to do first. */
export function Welcome() {
  return (
    <Panel title="Nothing is synced yet" about="Three steps to the first records.">
      <ol className={classes.steps}>
        {STEPS.map(({ title, about, to, label }, n) => (
          <li key={to}>
            <Text fw={600}>{title}</Text>
            <Text size="sm" c="dimmed" mb="xs" mih={40}>
              {about}
            </Text>
            <ButtonLink to={to} variant={n === 0 ? 'filled' : 'default'}>
              {label}
            </ButtonLink>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
