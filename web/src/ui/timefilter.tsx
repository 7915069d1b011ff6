import { Button, Group, Popover, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconCalendar } from '@tabler/icons-react';
import { moment } from './format';

const HOUR = 3_600_000;
const BACK: Record<string, { word: string; span: number }> = {
  '1h': { word: 'Last hour', span: HOUR },
  '24h': { word: 'Last 24 hours', span: 24 * HOUR },
  '7d': { word: 'Last 7 days', span: 7 * 24 * HOUR },
  '30d': { word: 'Last 30 days', span: 30 * 24 * HOUR },
};
/** A moment that moves is rounded to this, so that the same question is not asked anew all the time. */
const ROUNDED_TO = 60_000;

interface Span {
  /** `24h` and the like, or a moment. */
  since?: string;
  until?: string;
}

/** The moment that a beginning in the address means, as the API takes it. */
export function instant(since: string | undefined): string | undefined {
  if (!since) return undefined;
  const back = BACK[since];
  const at = back
    ? Math.floor((Date.now() - back.span) / ROUNDED_TO) * ROUNDED_TO
    : new Date(since).getTime();
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** A time as a field of the browser takes it: local, without a zone. */
function local(at: string | undefined): string {
  const time = new Date(at ?? '').getTime();
  if (Number.isNaN(time)) return '';
  return new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function words({ since, until }: Span): string | undefined {
  if (!since && !until) return undefined;
  const from = since && (BACK[since]?.word ?? `From ${moment(since)}`);
  return [from, until && `${since ? 'to' : 'Until'} ${moment(until)}`].filter(Boolean).join(' ');
}

/** A part of time: up to now, or between two moments in the viewer's zone. */
export function TimeFilter({
  label,
  lead,
  value,
  onChange,
}: {
  label: string;
  /** Said before the time that is chosen. */
  lead?: string;
  value: Span;
  onChange: (value: Span) => void;
}) {
  const [isOpen, { toggle, close }] = useDisclosure();
  const said = words(value);
  const chosen = said && lead ? `${lead} ${said}` : said;
  const moments = value.since && BACK[value.since] ? instant(value.since) : value.since;
  return (
    <Popover opened={isOpen} onChange={close} position="bottom-start" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="default"
          fw={400}
          leftSection={<IconCalendar size={14} aria-hidden />}
          onClick={toggle}
          aria-label={chosen ? `${label}: ${chosen}` : label}
          c={chosen ? undefined : 'dimmed'}
        >
          {chosen ?? label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Group gap={6}>
            {Object.entries(BACK).map(([name, { word }]) => (
              <Button
                key={name}
                size="compact-xs"
                variant={value.since === name ? 'filled' : 'default'}
                onClick={() => {
                  onChange({ since: name });
                  close();
                }}
              >
                {word}
              </Button>
            ))}
          </Group>
          <Group gap="xs">
            <TextInput
              type="datetime-local"
              label="From"
              value={local(moments)}
              onChange={(event) => onChange({ ...value, since: moved(event.currentTarget.value) })}
            />
            <TextInput
              type="datetime-local"
              label="To"
              value={local(value.until)}
              onChange={(event) => onChange({ ...value, until: moved(event.currentTarget.value) })}
            />
          </Group>
          <Button
            variant="subtle"
            color="gray"
            size="compact-xs"
            disabled={!chosen}
            onClick={() => {
              onChange({});
              close();
            }}
          >
            Any time
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function moved(field: string): string | undefined {
  const at = new Date(field).getTime();
  return field === '' || Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
