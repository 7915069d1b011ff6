import { Radio, Stack, Text } from '@mantine/core';
import classes from './trigger.module.css';

export interface Choice {
  value: string;
  label: string;
  /** What it does. */
  does: string;
  /** When to use it. */
  when: string;
  /** Why it cannot be chosen here. */
  refused?: string;
}

/** One of a few ways, each with what it does and when to use it. */
export function Choices(props: {
  label: string;
  choices: Choice[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <Radio.Group label={props.label} value={props.value} onChange={props.onChange}>
      <Stack gap={6} mt={4}>
        {props.choices.map((choice) => (
          <Radio.Card
            key={choice.value}
            value={choice.value}
            disabled={choice.refused !== undefined}
            className={classes.choice}
          >
            <Radio.Indicator size="xs" mt={2} disabled={choice.refused !== undefined} />
            <div>
              <Text size="sm" fw={500}>
                {choice.label}
              </Text>
              <Text size="xs" c="dimmed">
                {choice.refused ?? choice.does}
              </Text>
              {!choice.refused && (
                <Text size="xs" mt={2}>
                  {choice.when}
                </Text>
              )}
            </div>
          </Radio.Card>
        ))}
      </Stack>
    </Radio.Group>
  );
}

export const TYPE_CHOICES: Choice[] = [
  {
    value: 'sync',
    label: 'Sync',
    does: 'The standard run, the same as the schedule starts.',
    when: 'Use it to have the next scheduled run now.',
  },
  {
    value: 'one_time',
    label: 'One time',
    does: 'Writes once. It does not activate or schedule the sync.',
    when: 'Use it after a test, before the sync runs by itself.',
  },
  {
    value: 'test',
    label: 'Test',
    does: 'Finds out what would be written, and writes nothing.',
    when: 'Use it after a change of the mapping: it shows what each record would get.',
  },
  {
    value: 'seed',
    label: 'Seed',
    does: 'Writes all data from the source to the target.',
    when: 'Use it once for a new sync, or to build the target anew.',
  },
];

export const CURSOR_CHOICES: Choice[] = [
  {
    value: 'incremental',
    label: 'Incremental',
    does: 'Processes only records that changed since the cursor of the last run.',
    when: 'Use it normally: it is what daily and hourly runs do.',
  },
  {
    value: 'reset',
    label: 'Reset cursor',
    does: 'Clears the cursor and reads from the beginning; sends only what changed. The cursor advances as usual afterwards.',
    when: 'Use it after a gap in the data, to pick up missed records without sending everything again.',
  },
  {
    value: 'full',
    label: 'Force full sync',
    does: 'Ignores the cursor and sends every record, changed or not.',
    when: 'Use it when the target lost data and has to be rebuilt. Every record goes through all stages, so it may take much longer.',
  },
];
