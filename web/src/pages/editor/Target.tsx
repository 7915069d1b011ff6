import { Autocomplete, Code, Group, Loader, Radio, SimpleGrid, Stack, TagsInput, Text } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../../api/session';
import { More } from '../../ui/option';
import { Panel } from '../../ui/page';
import { Prose } from '../../ui/prose';
import { useEditing } from './context';
import { mappingAt, meant, namesAt, oneOrMany, textAt } from './draft';
import classes from './editor.module.css';
import { Key, Keys, useDescribed } from './Keys';
import { OnRemoved } from './OnRemoved';
import { useStreams } from './server';

/** Where it is written, and what may happen there. */
export function Target() {
  const { value, set, target, targetColumns, creation, isLocked, problem, writes } = useEditing();
  const [isOpen, setIsOpen] = useState(false);
  const to = mappingAt(value, 'to');
  const match = namesAt(to, 'match');
  const mode = textAt(value, 'write_mode') || 'upsert';
  return (
    <Panel title="Write" about={`Where it goes in ${target}, and what may happen there.`}>
      <Stack gap="md">
        <Keys>
          <TargetObject />
          <TagsInput
            size="xs"
            label="Match on"
            disabled={isLocked}
            data={targetColumns.map(({ name }) => name)}
            value={match}
            onChange={(next) => set(['to', 'match'], oneOrMany(next))}
            error={problem(['to', 'match'])}
            placeholder={match.length === 0 ? 'the fields of the key' : undefined}
            description="The target field that identifies a record"
          />
        </Keys>
        {problem(['to'], true) && (
          <Text size="sm" c="red">
            {problem(['to'], true)}
          </Text>
        )}
        {creation && <Creation statement={creation} />}
        <WriteMode mode={mode} />
        {mode === 'mirror' && <OnRemoved />}
        <div>
          <More label="more about writing" open={isOpen} toggle={() => setIsOpen(!isOpen)} />
        </div>
        {isOpen && (
          <Keys>
            <Key path={['on_match_change']} choices={writes?.destination?.on_match_change} />
            <Key path={['publish']} choices={writes?.destination?.publish} />
            <Key path={['batch_size']} />
            <Key path={['schema_change']} />
            {(mode === 'append' || value.append_without_ledger !== undefined) && (
              <Key path={['append_without_ledger']} />
            )}
          </Keys>
        )}
      </Stack>
    </Panel>
  );
}

/** How a target that is missing would be made. */
function Creation({ statement }: { statement: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <div>
      <Text size="sm">
        The target does not exist yet; it can be made when you save.{' '}
        <More label="how" open={isOpen} toggle={() => setIsOpen(!isOpen)} />
      </Text>
      {isOpen && (
        <Code block mt="xs">
          {statement}
        </Code>
      )}
    </div>
  );
}

function TargetObject() {
  const { value, set, target, writes, isLocked, problem } = useEditing();
  const name = textAt(mappingAt(value, 'to'), 'object');
  const may = useMay('operator');
  const canList = may && writes?.source != null;
  const found = useStreams(target, name, canList);
  const all = useStreams(target, '', canList);
  const streams = found.data?.streams.length ? found.data.streams : (all.data?.streams ?? []);
  const exists = meant(found.data?.streams ?? [], name) ?? meant(all.data?.streams ?? [], name);
  const isNew = name !== '' && found.isSuccess && !found.isFetching && !exists;
  return (
    <Autocomplete
      label="Table, object or file"
      required
      disabled={isLocked}
      placeholder="contact"
      data={[...new Set(streams.map((stream) => stream.name))]}
      filter={({ options }) => options}
      value={name}
      onChange={(next) => set(['to', 'object'], next === '' ? undefined : next)}
      rightSection={found.isFetching ? <Loader size={14} /> : undefined}
      error={problem(['to', 'object'])}
      description={
        isNew
          ? `${target} does not have it yet; it can be made when you save`
          : found.error
            ? `What ${target} has is not known (${found.error.message}); what is missing can be made when you save`
            : 'What is written'
      }
    />
  );
}

const MODE_HELP: Record<string, string> = {
  insert: 'Records that are there already are left as they are.',
  update: 'Rows without a record at the target are skipped.',
  upsert: 'Nothing is ever removed.',
  mirror: 'The target follows the model, removals included; records of others are left alone.',
  append: 'For logs and events: nothing that was written is changed.',
  two_way: '',
};

function WriteMode({ mode }: { mode: string }) {
  const { set, writes, isLocked, problem } = useEditing();
  const { choices } = useDescribed()(['write_mode']);
  const able: string[] | undefined = writes?.destination?.write_modes;
  const offered = choices.filter(({ value }) => !able || able.includes(value) || value === mode);
  return (
    <Radio.Group
      label="Write mode"
      value={mode}
      onChange={(next) => set(['write_mode'], next)}
      error={problem(['write_mode'])}
    >
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs" mt={4}>
        {offered.map(({ value, help }) => (
          <Radio.Card
            key={value}
            value={value}
            p="xs"
            disabled={isLocked}
            radius="sm"
            className={classes.mode}
          >
            <Stack gap={2}>
              <Group gap={8} wrap="nowrap">
                <Radio.Indicator size="xs" />
                <Text size="sm" fw={600}>
                  {value.replaceAll('_', ' ')}
                </Text>
              </Group>
              <Text size="xs" c="dimmed">
                <Prose text={`${help ?? ''} ${MODE_HELP[value] ?? ''}`} />
              </Text>
            </Stack>
          </Radio.Card>
        ))}
      </SimpleGrid>
    </Radio.Group>
  );
}
