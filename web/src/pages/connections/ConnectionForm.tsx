import { Group, NumberInput, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { IconFolder } from '@tabler/icons-react';
import { useState } from 'react';
import { More, OptionField } from '../../ui/option';
import { optionsOf } from '../../ui/options';
import { type Draft, withOption } from './form';
import type { Connector } from './kind';

/** The options of a connection, as its connector describes them. */
export function ConnectionForm(props: {
  connector: Connector;
  draft: Draft;
  onChange: (draft: Draft) => void;
  errors: Record<string, string>;
  /** Pointers of the secrets that the server has. */
  stored?: string[];
  isNew?: boolean;
  disabled?: boolean;
}) {
  const { connector, draft, onChange, errors, stored = [], isNew, disabled } = props;
  const [isOpen, setIsOpen] = useState(false);
  const options = optionsOf(connector.options_schema);
  const main = options.filter((option) => !option.advanced);
  const more = options.filter((option) => option.advanced);
  const field = (option: (typeof options)[number]) => (
    <OptionField
      key={option.name}
      option={option}
      value={draft.document[option.name] ?? undefined}
      stored={stored.includes(`/${option.name}`)}
      error={errors[option.name]}
      disabled={disabled}
      onChange={(value) => onChange(withOption(draft, option.name, value))}
    />
  );
  const set = (name: string) => (value: unknown) => onChange(withOption(draft, name, value));
  const runs = draft.document.max_concurrent_runs;
  return (
    <Stack gap="md">
      {options.some((option) => option.path && option.required) && !disabled && <PathNote />}
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
        {isNew && (
          <TextInput
            label="Name"
            description="How instances refer to it: letters, digits, _ and -."
            required
            placeholder="warehouse"
            value={draft.name}
            error={errors.name}
            onChange={(event) => onChange({ ...draft, name: event.currentTarget.value })}
            data-autofocus
          />
        )}
        {main.map(field)}
      </SimpleGrid>
      {more.length > 0 && (
        <div>
          <More label="more options" open={isOpen} toggle={() => setIsOpen(!isOpen)} />
        </div>
      )}
      {isOpen && (
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
          {more.map(field)}
        </SimpleGrid>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
        <TextInput
          label="Note"
          description="For people: what this system is, whom to ask."
          disabled={disabled}
          value={typeof draft.document.description === 'string' ? draft.document.description : ''}
          error={errors.description}
          onChange={(event) => set('description')(event.currentTarget.value || undefined)}
        />
        <NumberInput
          label="Most runs at the same time"
          description="Of all syncs that use this connection. Empty: no limit."
          disabled={disabled}
          min={1}
          allowDecimal={false}
          value={typeof runs === 'number' ? runs : ''}
          error={errors.max_concurrent_runs}
          onChange={(value) => set('max_concurrent_runs')(value === '' ? undefined : value)}
        />
      </SimpleGrid>
    </Stack>
  );
}

/** Where files may be, for connections that are not made by whoever owns the machine. */
function PathNote() {
  return (
    <Group gap="xs" wrap="nowrap" align="flex-start" c="dimmed">
      <IconFolder size={16} style={{ flex: 'none', marginTop: 2 }} aria-hidden />
      <Text size="sm">
        Files are those of the server. Paths start from the project's folder and stay below it, unless its{' '}
        <span className="mono">syncline.yaml</span> lists other folders in{' '}
        <span className="mono">settings.server.api_paths</span>.
      </Text>
    </Group>
  );
}
