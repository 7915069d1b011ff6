import { Kbd, SimpleGrid, Text } from '@mantine/core';
import { PLACES, SETTINGS } from './nav';
import classes from './Shell.module.css';

const ANYWHERE: [string[], string][] = [
  [['Ctrl', 'K'], 'Search everything'],
  [['/'], 'Search this list'],
  [['?'], 'This list'],
  [['Esc'], 'Close what is open'],
];

/** Keys that work on every page. */
export function ShortcutList() {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xl" verticalSpacing="md">
      <List title="Anywhere" keys={ANYWHERE} />
      <List
        title="Go to a page"
        keys={[...PLACES, ...SETTINGS].map(({ label, key }) => [['g', key], label])}
      />
    </SimpleGrid>
  );
}

function List({ title, keys }: { title: string; keys: [string[], string][] }) {
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>
        {title}
      </Text>
      <dl className={classes.keys}>
        {keys.map(([pressed, what]) => (
          <div key={what}>
            <dt>
              {pressed.map((key) => (
                <Kbd key={key} size="xs" mr={3}>
                  {key}
                </Kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
