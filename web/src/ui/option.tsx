import {
  Anchor,
  Checkbox,
  NumberInput,
  PasswordInput,
  Select,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core';
import type { ReactNode } from 'react';
import { type Option, readable } from './options';
import { Prose } from './prose';

/** One option of a form. `undefined` is "not given", which leaves the default to the server. */
export function OptionField(props: {
  option: Option;
  value: unknown;
  onChange: (value: unknown) => void;
  error?: ReactNode;
  disabled?: boolean;
  /** The server holds a secret here; nothing given keeps it. */
  stored?: boolean;
  /** Only these of its choices. */
  choices?: string[];
}) {
  const { option, value, onChange, error, disabled, stored, choices } = props;
  const help = (
    <Help option={option} stored={stored} choice={typeof value === 'string' ? value : undefined} />
  );
  const shown = option.default === undefined || option.default === null ? '' : readable(option.default);
  const shared = {
    label: option.label,
    description: help,
    error,
    disabled,
    required: option.required,
    withAsterisk: option.required,
  };
  if (option.kind === 'yes_no') {
    return (
      <Checkbox
        size="xs"
        mt={20}
        label={option.label}
        description={help}
        error={error}
        disabled={disabled}
        checked={(value ?? option.default) === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  }
  if (option.kind === 'choice') {
    const offered = option.choices.filter((choice) => !choices || choices.includes(choice.value));
    return (
      <Select
        {...shared}
        data={offered.map((choice) => ({ value: choice.value, label: choice.value.replaceAll('_', ' ') }))}
        placeholder={shown ? `${shown.replaceAll('_', ' ')} (default)` : 'default'}
        value={typeof value === 'string' ? value : null}
        onChange={(next) => onChange(next ?? undefined)}
        clearable={!option.required}
      />
    );
  }
  if (option.kind === 'number') {
    return (
      <NumberInput
        {...shared}
        placeholder={shown || option.example}
        min={option.min}
        max={option.max}
        allowDecimal={false}
        value={typeof value === 'number' || typeof value === 'string' ? value : ''}
        onChange={(next) => onChange(next === '' ? undefined : next)}
      />
    );
  }
  if (option.kind === 'list') {
    return (
      <TagsInput
        {...shared}
        placeholder={option.example}
        value={Array.isArray(value) ? value.map(String) : []}
        onChange={(next) => onChange(next.length > 0 ? next : undefined)}
      />
    );
  }
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  const change = (next: string) => onChange(next === '' ? undefined : next);
  if (option.secret && !text.includes('***')) {
    return (
      <PasswordInput
        {...shared}
        autoComplete="new-password"
        required={option.required && !stored}
        placeholder={stored ? 'stored; leave empty to keep it' : option.example}
        value={text}
        onChange={(event) => change(event.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      {...shared}
      placeholder={shown ? `${shown} (default)` : option.example}
      value={text}
      spellCheck={false}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}

function Help({ option, stored, choice }: { option: Option; stored?: boolean; choice?: string }) {
  const chosen = option.choices.find(({ value }) => value === (choice ?? option.default))?.help;
  return (
    <>
      <Prose text={option.help} />
      {chosen && (
        <Text component="span" display="block" inherit>
          <Prose text={chosen} />
        </Text>
      )}
      {option.secret && !stored && ' Kept encrypted, never shown again.'}
    </>
  );
}

/** A heading that opens what is seldom needed. */
export function More({ label, open, toggle }: { label: string; open: boolean; toggle: () => void }) {
  return (
    <Anchor component="button" type="button" size="sm" onClick={toggle} aria-expanded={open}>
      {open ? `Hide ${label}` : `Show ${label}`}
    </Anchor>
  );
}
