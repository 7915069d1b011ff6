import { ActionIcon, Popover, Select, Stack, Text, Textarea, TextInput, Tooltip } from '@mantine/core';
import { IconAdjustments, IconArrowDown, IconArrowUp, IconX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { plain } from '../../ui/format';
import { useEditing } from './context';
import { type Field, fieldDocument, fieldsOf, isRequired } from './draft';
import classes from './editor.module.css';
import { useDescribed } from './Keys';

/** One target field: its expression, its rules, what it gives for the row that is looked at. */
export function FieldRow(props: {
  field: Field;
  isFirst: boolean;
  isLast: boolean;
  move: (by: number) => void;
}) {
  const { field, isFirst, isLast, move } = props;
  const { set, isLocked, problem, row, targetColumns } = useEditing();
  const path = ['mapping', field.name];
  const target = targetColumns.find(({ name }) => name === field.name);
  const payload = row?.payload as Record<string, unknown> | null | undefined;
  const failed = row?.error?.field === field.name ? row.error.message : undefined;
  const error = problem(path) ?? failed;
  const change = (next: Partial<Field>) => set(path, fieldDocument({ ...field, ...next }));
  const isUnknown = targetColumns.length > 0 && !target;
  return (
    <fieldset className={classes.field} aria-label={`Field ${field.name}`}>
      <div>
        <FieldName field={field} />
        <Text size="xs" c={isUnknown ? 'var(--state-partial)' : 'dimmed'} className="mono">
          {isUnknown ? 'not in the target' : target?.type}
          {target && isRequired(target) && ', required'}
        </Text>
      </div>
      <div>
        <Textarea
          autosize
          minRows={1}
          maxRows={8}
          aria-label={`Expression of ${field.name}`}
          disabled={isLocked}
          value={field.value}
          onChange={(event) => change({ value: event.currentTarget.value })}
          error={error}
          spellCheck={false}
          classNames={{ input: 'mono' }}
        />
        {!error && payload && field.name in payload && (
          <Text size="xs" c="dimmed" truncate title={plain(payload[field.name])}>
            → <span className="mono">{plain(payload[field.name])}</span>
          </Text>
        )}
      </div>
      <div className={classes.tools}>
        <Rules field={field} change={change} />
        <Tool label={`Move ${field.name} up`} disabled={isLocked || isFirst} onClick={() => move(-1)}>
          <IconArrowUp size={14} />
        </Tool>
        <Tool label={`Move ${field.name} down`} disabled={isLocked || isLast} onClick={() => move(1)}>
          <IconArrowDown size={14} />
        </Tool>
        <Tool label={`Take ${field.name} out`} disabled={isLocked} onClick={() => set(path, undefined)}>
          <IconX size={14} />
        </Tool>
      </div>
    </fieldset>
  );
}

/** A field's name; it changes when one leaves it, so that half a name is never another field's. */
function FieldName({ field }: { field: Field }) {
  const { value, rename, isLocked } = useEditing();
  const [name, setName] = useState(field.name);
  useEffect(() => setName(field.name), [field.name]);
  const isTaken = name !== field.name && fieldsOf(value).some((other) => other.name === name);
  function keep() {
    if (name.trim() === '' || isTaken) setName(field.name);
    else if (name !== field.name) rename(['mapping'], field.name, name.trim());
  }
  return (
    <TextInput
      aria-label={`Name of ${field.name}`}
      disabled={isLocked}
      value={name}
      error={isTaken ? 'There is a field of this name' : undefined}
      onChange={(event) => setName(event.currentTarget.value)}
      onBlur={keep}
      onKeyDown={(event) => {
        if (event.key === 'Enter') keep();
      }}
      spellCheck={false}
      classNames={{ input: 'mono' }}
    />
  );
}

/** When the field is written, and what a NULL does. */
function Rules({ field, change }: { field: Field; change: (next: Partial<Field>) => void }) {
  const { isLocked, writes } = useEditing();
  const isOwn = field.write !== undefined || field.nulls !== undefined;
  const described = useDescribed();
  const write = described(['mapping', '*', 'write']);
  const nulls = described(['mapping', '*', 'nulls']);
  if (writes?.destination?.field_rules === false && !isOwn) return null;
  const options = (choices: typeof write.choices) =>
    choices.map(({ value, help }) => ({ value, label: help ?? value }));
  return (
    <Popover position="bottom-end" shadow="md" trapFocus returnFocus withinPortal>
      <Popover.Target>
        <Tooltip label="Rules of this field">
          <ActionIcon
            variant={isOwn ? 'light' : 'subtle'}
            color={isOwn ? undefined : 'gray'}
            size="sm"
            disabled={isLocked}
            aria-label={`Rules of ${field.name}`}
          >
            <IconAdjustments size={14} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown w={300}>
        <Stack gap="xs">
          <Select
            label={write.help}
            data={options(write.choices)}
            value={field.write ?? 'always'}
            allowDeselect={false}
            comboboxProps={{ withinPortal: false }}
            onChange={(next) => change({ write: next ?? undefined })}
          />
          <Select
            label={nulls.help}
            data={options(nulls.choices)}
            value={field.nulls ?? 'write'}
            allowDeselect={false}
            comboboxProps={{ withinPortal: false }}
            onChange={(next) => change({ nulls: next ?? undefined })}
          />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function Tool(props: { label: string; disabled: boolean; onClick: () => void; children: React.ReactNode }) {
  return (
    <Tooltip label={props.label}>
      <ActionIcon
        variant={props.disabled ? 'transparent' : 'subtle'}
        color="gray"
        size="sm"
        disabled={props.disabled}
        onClick={props.onClick}
        aria-label={props.label}
      >
        {props.children}
      </ActionIcon>
    </Tooltip>
  );
}
