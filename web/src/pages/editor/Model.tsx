import {
  Anchor,
  Autocomplete,
  Loader,
  SegmentedControl,
  Select,
  Skeleton,
  Stack,
  TagsInput,
  Text,
} from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useMay } from '../../api/session';
import { More } from '../../ui/option';
import { Panel } from '../../ui/page';
import { useEditing } from './context';
import {
  MODEL_KINDS,
  type ModelKind,
  mappingAt,
  meant,
  modelKind,
  namesAt,
  oneOrMany,
  textAt,
} from './draft';
import { FileOptions } from './FileOptions';
import { Key, Keys } from './Keys';
import { useStreams } from './server';

const CodeEditor = lazy(() => import('../../ui/code'));

const WORDS: Record<ModelKind, string> = {
  table: 'Table or view',
  sql: 'SQL query',
  sql_file: 'SQL file',
  file: 'File',
};

/** What is read, and what identifies and orders its rows. */
export function Model() {
  const { value, set, reads, source, isLocked, problem } = useEditing();
  const [isOpen, setIsOpen] = useState(false);
  const model = mappingAt(value, 'model');
  const kinds = MODEL_KINDS.filter((one) => reads?.source?.models.includes(one));
  const kind = modelKind(model) ?? kinds[0];
  const offered = kind && !kinds.includes(kind) ? [...kinds, kind] : kinds;
  function choose(next: string) {
    const { table, sql, sql_file, file, ...rest } = model;
    set(['model'], { [next]: '', ...rest });
  }
  return (
    <Panel title="Read" about={`What is read from ${source}, one row for each record.`}>
      <Stack gap="md">
        {offered.length > 1 && (
          <SegmentedControl
            aria-label="What is read"
            data={offered.map((one) => ({ value: one, label: WORDS[one] }))}
            value={kind}
            onChange={choose}
            disabled={isLocked}
            w="fit-content"
          />
        )}
        {(kind === 'table' || kind === 'file') && <Offered kind={kind} />}
        {kind === 'sql' && (
          <div>
            <Suspense fallback={<Skeleton height={130} />}>
              <CodeEditor
                label="SQL of the model"
                language="sql"
                value={textAt(model, 'sql')}
                onChange={isLocked ? undefined : (next) => set(['model', 'sql'], next)}
                minHeight={130}
              />
            </Suspense>
            <Text size="xs" c={problem(['model', 'sql']) ? 'red' : 'dimmed'} mt={4}>
              {problem(['model', 'sql']) ?? 'One SELECT statement. It is read only, and never changed.'}
            </Text>
          </div>
        )}
        {kind === 'sql_file' && (
          <Text size="sm">
            The statement stands in <span className="mono">{textAt(model, 'sql_file')}</span>.
          </Text>
        )}
        <KeyAndCursor />
        {problem(['model'], true) && (
          <Text size="sm" c="red">
            {problem(['model'], true)}
          </Text>
        )}
        {kind === 'file' && <FileOptions />}
        <div>
          <More label="more about reading" open={isOpen} toggle={() => setIsOpen(!isOpen)} />
        </div>
        {isOpen && (
          <Keys>
            <Key path={['exclude']} />
            <Key path={['duplicates']} />
            <Key path={['model', 'timeout']} />
            <Key path={['lookback']} />
          </Keys>
        )}
      </Stack>
    </Panel>
  );
}

/** A table or file, chosen from what the connection offers or typed. */
function Offered({ kind }: { kind: 'table' | 'file' }) {
  const { value, set, source, isLocked, problem } = useEditing();
  const model = mappingAt(value, 'model');
  const may = useMay('operator');
  const name = textAt(model, kind);
  const found = useStreams(source, name, may);
  const all = useStreams(source, '', may);
  const streams = found.data?.streams.length ? found.data.streams : (all.data?.streams ?? []);
  function choose(next: string) {
    const stream = meant([...streams, ...(all.data?.streams ?? [])], next);
    const hasKey = namesAt(model, 'key').length > 0;
    set(['model'], {
      ...model,
      [kind]: next,
      // The declared key is what identifies a row, unless somebody said otherwise.
      ...(stream && !hasKey && stream.key.length > 0 ? { key: oneOrMany(stream.key) } : {}),
    });
  }
  return (
    <Autocomplete
      label={WORDS[kind]}
      required
      disabled={isLocked}
      placeholder={kind === 'file' ? 'customers.csv, or a pattern such as customers-*.csv' : 'customers'}
      data={[...new Set(streams.map((stream) => stream.name))]}
      filter={({ options }) => options}
      value={name}
      onChange={choose}
      rightSection={found.isFetching ? <Loader size={14} /> : undefined}
      error={problem(['model', kind])}
      description={found.error ? `What ${source} offers is not known: ${found.error.message}` : undefined}
    />
  );
}

function KeyAndCursor() {
  const { value, set, columns, declaredKey, isLocked, problem } = useEditing();
  const model = mappingAt(value, 'model');
  const names = columns.map(({ name }) => name);
  const cursor = textAt(model, 'cursor');
  return (
    <Keys>
      <TagsInput
        label="Key"
        description={
          namesAt(model, 'key').length === 0 && declaredKey.length > 0 ? (
            <Anchor
              component="button"
              type="button"
              inherit
              onClick={() => set(['model', 'key'], oneOrMany(declaredKey))}
            >
              Use {declaredKey.join(', ')}, the declared key
            </Anchor>
          ) : (
            'The column that identifies a row, or several that do so together'
          )
        }
        required
        disabled={isLocked}
        data={names}
        value={namesAt(model, 'key')}
        onChange={(next) => set(['model', 'key'], oneOrMany(next))}
        error={problem(['model', 'key'])}
        placeholder={namesAt(model, 'key').length === 0 ? 'id' : undefined}
      />
      <Select
        label="Cursor column"
        description="Grows with every change, so that a run reads only what is new"
        disabled={isLocked}
        data={cursor && !names.includes(cursor) ? [cursor, ...names] : names}
        value={cursor || null}
        onChange={(next) => set(['model', 'cursor'], next ?? undefined)}
        clearable
        searchable
        placeholder="none: every run reads all rows"
        nothingFoundMessage="No such column"
        error={problem(['model', 'cursor'])}
      />
    </Keys>
  );
}
