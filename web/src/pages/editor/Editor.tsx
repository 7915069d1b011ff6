import { Skeleton, Stack, Tabs, Text } from '@mantine/core';
import { type ReactNode, useMemo, useState } from 'react';
import { ApiError } from '../../api/client';
import type { Schemas } from '../../api/types';
import { counted } from '../../ui/format';
import { ProblemList, ProblemNote } from '../../ui/problem';
import { useConnectors } from '../connections/kind';
import { EditingContext } from './context';
import { type Column, mappingAt, modelKind, textAt, unfilled } from './draft';
import classes from './editor.module.css';
import { Functions } from './Functions';
import { Mapping } from './Mapping';
import { Model } from './Model';
import { Options } from './Options';
import { Preview } from './Preview';
import { Safety } from './Safety';
import { Schedule } from './Schedule';
import { type Draft, useConnection, useInstanceSchema, useStream, useTrial, useValidation } from './server';
import { Target } from './Target';
import { placed, problemAt, type useDefinition } from './useDefinition';
import { YamlPane } from './YamlPane';

/** The form of a sync with its YAML and a preview beside it. */
export function Editor(props: {
  instance: Schemas['InstanceView'];
  /** The sync's name in the instance. */
  entity: string;
  definition: ReturnType<typeof useDefinition>;
  isNew: boolean;
  /** Defined in a file: shown as it is. */
  isReadOnly?: boolean;
  /** Saving was tried: then also what is missing is a mistake. */
  wasTried: boolean;
  error: unknown;
  /** What is done with it, given how many errors there are and what is still to be filled in. */
  bar: (state: { errors: number; lacking: string[] }) => ReactNode;
}) {
  const { instance, entity, definition, isNew, isReadOnly = false, wasTried, error, bar } = props;
  const { value, text } = definition;
  const [at, setAt] = useState(0);
  const draft = useDraft(instance.name, entity, definition, isReadOnly);
  const validation = useValidation(draft);
  const { preview, check } = useTrial(draft);

  const schema = useInstanceSchema();
  const connectors = useConnectors().data;
  const sourceType = useConnection(instance.source)?.type;
  const targetType = useConnection(instance.target)?.type;
  const reads = connectors?.find(({ type }) => type === sourceType);
  const writes = connectors?.find(({ type }) => type === targetType);

  const model = mappingAt(value, 'model');
  const named = modelKind(model) === 'file' ? textAt(model, 'file') : textAt(model, 'table');
  const object = textAt(mappingAt(value, 'to'), 'object');
  const stream = useStream(instance.source, named, !isReadOnly && reads?.source != null).stream;
  const targetStream = useStream(instance.target, object, !isReadOnly && writes?.source != null).stream;
  const rows = preview.data?.rows;
  const columns = useMemo(() => columnsOf(check, stream, rows?.[0]), [check, stream, rows]);

  const { inside, outside, lacking } = useMemo(() => {
    const ofSaving = error instanceof ApiError ? (error.problem.errors ?? []) : [];
    const ofPreview = preview.error instanceof ApiError ? (preview.error.problem.errors ?? []) : [];
    // A target that can be made is no mistake: saving offers to make it.
    const ofCheck = (check?.problems ?? []).filter(
      ({ code }) => !check?.creation || code !== 'target_missing',
    );
    const all = placed(
      distinct([...(validation.data?.problems ?? []), ...ofPreview, ...ofCheck, ...ofSaving]),
    );
    // Before saving is tried, nobody is told that a form that is not filled in is not filled in.
    const lacking = unfilled(value);
    const isTold = (code: string) => wasTried || lacking.length === 0 || code !== 'missing_key';
    const inside = all.inside.filter(({ code }) => isTold(code));
    return { inside, outside: all.outside, lacking };
  }, [validation.data, preview.error, check, error, wasTried, value]);
  const errors = inside.filter(({ warning }) => !warning).length + definition.unreadable.length;
  const isPlaced =
    error instanceof ApiError &&
    (error.problem.errors ?? []).some(({ at: place }) => place?.startsWith('/definition'));

  if (schema.error) return <ProblemNote error={schema.error} retry={() => void schema.refetch()} />;
  if (!schema.data) return <Skeleton height={400} />;
  return (
    <EditingContext.Provider
      value={{
        ...definition,
        isLocked: definition.isLocked || isReadOnly,
        instance: instance.name,
        source: instance.source,
        target: instance.target,
        reads,
        writes,
        problem: (path, exactly) => problemAt(inside, path, exactly),
        columns,
        targetColumns: targetStream?.columns ?? NONE,
        declaredKey: stream?.key ?? [],
        creation: check?.creation ?? undefined,
        schema: schema.data,
        row: preview.error ? undefined : rows?.[Math.min(at, rows.length - 1)],
      }}
    >
      <div className={classes.layout}>
        <Stack gap="md" miw={0}>
          <ProblemList problems={outside} title="This cannot be saved yet" />
          <Model />
          <Target />
          <Mapping />
          <Schedule />
          <Safety />
          <Options isNew={isNew} />
          {error && !isPlaced ? <ProblemNote error={error} /> : null}
          {bar({ errors, lacking })}
        </Stack>
        <aside className={`panel ${classes.aside}`} aria-label="Preview and YAML">
          <Tabs defaultValue={isReadOnly ? 'yaml' : 'preview'} keepMounted={false}>
            <Tabs.List>
              {!isReadOnly && <Tabs.Tab value="preview">Preview</Tabs.Tab>}
              <Tabs.Tab value="yaml">
                YAML{errors > 0 && <Text span size="xs" c="red">{` ${counted(errors, 'problem')}`}</Text>}
              </Tabs.Tab>
              <Tabs.Tab value="functions">Functions</Tabs.Tab>
            </Tabs.List>
            <div className={classes.asideBody}>
              <Tabs.Panel value="preview">
                <Preview preview={preview} at={at} onAt={setAt} />
              </Tabs.Panel>
              <Tabs.Panel value="yaml">
                <YamlPane
                  text={text}
                  onChange={isReadOnly ? undefined : definition.setText}
                  unreadable={definition.unreadable}
                  problems={inside}
                />
              </Tabs.Panel>
              <Tabs.Panel value="functions">
                <Functions />
              </Tabs.Panel>
            </div>
          </Tabs>
        </aside>
      </div>
    </EditingContext.Provider>
  );
}

const NONE: Column[] = [];

/** What the server is asked about; nothing while the YAML cannot be read. */
function useDraft(
  instance: string,
  entity: string,
  definition: ReturnType<typeof useDefinition>,
  isReadOnly: boolean,
): Draft | undefined {
  const { value, isLocked } = definition;
  return useMemo(
    () => (isLocked || isReadOnly ? undefined : { instance, entity, definition: value }),
    [instance, entity, value, isLocked, isReadOnly],
  );
}

/** The same thing said of the same place by two answers is one problem. */
function distinct(problems: Schemas['ProblemItem'][]): Schemas['ProblemItem'][] {
  const place = ({ at }: Schemas['ProblemItem']) => at?.replace(/^\/draft/, '');
  return problems.filter(
    (problem, n) =>
      problems.findIndex((other) => place(other) === place(problem) && other.message === problem.message) ===
      n,
  );
}

/** Columns of the model: as a check found them, as the source describes them, else as the first row shows. */
function columnsOf(
  check: Schemas['SyncCheck'] | undefined,
  stream: Schemas['StreamView'] | undefined,
  row: Schemas['PreviewRowView'] | undefined,
): Column[] {
  if (check && check.columns.length > 0) return check.columns;
  if (stream) return stream.columns;
  const source = row?.source;
  return typeof source === 'object' && source !== null ? Object.keys(source).map((name) => ({ name })) : NONE;
}
