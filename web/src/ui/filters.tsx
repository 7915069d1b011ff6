import { CloseButton, Group, MultiSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import classes from './filters.module.css';
import { narrowed } from './narrow';

/** With more choices than these, one can write to find them. */
const SEARCHED_FROM = 15;

/** A choice of several values; a list in the URL is written `a,b`. */
export function ChoiceFilter(props: {
  label: string;
  value: string | undefined;
  options: { value: string; label: string }[];
  /** What the options are taken from where that is not all there is. */
  of?: string;
  onChange: (value: string | undefined) => void;
  width?: number;
}) {
  const chosen = props.value ? props.value.split(',') : [];
  return (
    <MultiSelect
      aria-label={props.label}
      placeholder={chosen.length === 0 ? props.label : undefined}
      data={props.options}
      value={chosen}
      onChange={(values) => props.onChange(values.length > 0 ? values.join(',') : undefined)}
      clearable
      searchable={props.options.length > SEARCHED_FROM}
      filter={narrowed(props.of)}
      nothingFoundMessage="There is none like that"
      hidePickedOptions
      w={chosen.length > 1 ? undefined : (props.width ?? 170)}
      maw={420}
    />
  );
}

/** A text that is looked for; asks a moment after the last letter. `/` leads here. */
export function SearchFilter(props: {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  const { label, value, onChange } = props;
  const [text, setText] = useState(value ?? '');
  useEffect(() => setText(value ?? ''), [value]);
  const later = useDebouncedCallback((next: string) => onChange(next.trim() || undefined), 250);
  return (
    <TextInput
      data-search
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={14} />}
      rightSection={
        text ? (
          <CloseButton
            size="xs"
            aria-label="Clear"
            onClick={() => {
              setText('');
              onChange(undefined);
            }}
          />
        ) : null
      }
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        later(event.currentTarget.value);
      }}
      w={260}
    />
  );
}

/** Filters in a row above a list. */
export function FilterBar({ children }: { children: React.ReactNode }) {
  return (
    <Group gap="xs" px="md" py="sm" className={classes.bar}>
      {children}
    </Group>
  );
}
