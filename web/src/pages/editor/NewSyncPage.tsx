import { Button, Group, Select, SimpleGrid, Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useAll } from '../../api/all';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { firstOf, narrowed } from '../../ui/narrow';
import { Page, Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { write } from '../../ui/yaml';
import { useAfterSave } from './afterSave';
import { Editor } from './Editor';
import classes from './editor.module.css';
import { newSyncRoute } from './route';
import { SaveState } from './SaveState';
import { Unsaved } from './Unsaved';
import { useDefinition } from './useDefinition';

type Instance = Schemas['InstanceView'];

export function NewSyncPage() {
  const { instance: chosen, source, table, file } = newSyncRoute.useSearch();
  const navigate = newSyncRoute.useNavigate();
  const list = useAll('/api/v1/instances');
  const made = list.data?.filter(({ origin }) => origin.kind === 'api');
  const fitting = source ? made?.filter((instance) => instance.source === source) : made;
  const instance =
    fitting?.find(({ name }) => name === chosen) ??
    (!chosen && fitting?.length === 1 ? fitting[0] : undefined);
  const unfit = chosen && !instance && made ? whyNot(chosen, list.data, source) : undefined;
  const of = firstOf(list.cut, 'instance');
  return (
    <Page
      title="New sync"
      about="What is read, where it goes, and when. Nothing is written before you say so."
      crumbs={[{ label: 'Syncs', to: '/syncs' }]}
    >
      {list.error ? (
        <ProblemNote error={list.error} retry={() => void list.refetch()} />
      ) : !fitting ? (
        <Skeleton height={300} />
      ) : fitting.length === 0 ? (
        <NoInstance source={source} table={table} file={file} />
      ) : instance ? (
        <NewSync
          key={instance.name}
          instance={instance}
          others={fitting}
          of={of}
          choose={(name) => void navigate({ search: (now) => ({ ...now, instance: name }), replace: true })}
        />
      ) : (
        <Panel>
          <InstanceChoice
            instances={fitting}
            of={of}
            unfit={unfit}
            value={null}
            choose={(name) => void navigate({ search: (now) => ({ ...now, instance: name }), replace: true })}
          />
        </Panel>
      )}
    </Page>
  );
}

/** Why no sync can be made in the instance that the address names. */
function whyNot(name: string, all: Instance[] | undefined, source: string | undefined): string {
  const instance = all?.find((each) => each.name === name);
  if (!instance) return `There is no instance ${name}. Choose another.`;
  if (instance.origin.kind === 'file')
    return `${name} is defined in ${instance.origin.place ?? 'a file'}: add the sync there, or choose an instance that was made here.`;
  return `${name} does not read ${source}. Choose another.`;
}

function NoInstance(model: { source?: string; table?: string; file?: string }) {
  const { source } = model;
  return (
    <div className="panel">
      <Empty
        title="First comes an instance"
        action={
          <Button component={Link} to="/instances" search={{ make: true, ...model } as never}>
            New instance
          </Button>
        }
      >
        A sync belongs to an instance, which pairs the system that is read with the one that is written.
        {source
          ? ` None that was made here reads ${source}.`
          : ' Instances that are defined in files get their syncs there.'}
      </Empty>
    </div>
  );
}

function InstanceChoice(props: {
  instances: Instance[];
  /** What is offered, where that is not all. */
  of: string | undefined;
  /** Why the one that was asked for is not offered. */
  unfit?: string;
  value: string | null;
  choose: (name: string) => void;
}) {
  return (
    <Select
      label="Instance"
      description="The pair of systems"
      required
      maw={420}
      data={props.instances.map(({ name, source, target }) => ({
        value: name,
        label: `${name} (${source} → ${target})`,
      }))}
      value={props.value}
      searchable
      filter={narrowed(props.of)}
      error={props.unfit}
      nothingFoundMessage="There is no such instance"
      allowDeselect={false}
      onChange={(name) => name && props.choose(name)}
    />
  );
}

function NewSync(props: {
  instance: Instance;
  others: Instance[];
  of: string | undefined;
  choose: (name: string) => void;
}) {
  const { instance, others, of, choose } = props;
  const { table, file } = newSyncRoute.useSearch();
  const [entity, setEntity] = useState(() => baseName(table ?? file ?? ''));
  const [wasTried, setWasTried] = useState(false);
  const definition = useDefinition(write(table ? { model: { table } } : file ? { model: { file } } : {}));
  const afterSave = useAfterSave();
  const mayChange = useMay('admin');
  const [isFollowing, setIsFollowing] = useState(false);
  const save = api.useMutation('post', '/api/v1/syncs');
  const name = entity.trim();
  const isTaken = instance.syncs.includes(`${instance.name}.${name}`);
  async function keep(seed: boolean) {
    setWasTried(true);
    if (name === '' || isTaken || definition.isLocked) return;
    const body = { instance: instance.name, entity: name, definition: definition.value, seed: false };
    setIsFollowing(true);
    try {
      const { sync } = await save.mutateAsync({ body });
      definition.markSaved();
      tellDone(`The sync ${sync.id} is saved.`);
      await afterSave(sync.id, seed);
    } catch {
      // What is wrong is shown at the fields.
    } finally {
      setIsFollowing(false);
    }
  }
  return (
    <Stack gap="md">
      <Unsaved isChanged={definition.isChanged} />
      <Panel>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
          <InstanceChoice instances={others} of={of} value={instance.name} choose={choose} />
          <TextInput
            label="Name"
            description={`The sync's id will be ${instance.name}.${name || '…'}`}
            required
            maw={420}
            placeholder="contact"
            value={entity}
            onChange={(event) => setEntity(event.currentTarget.value)}
            error={
              isTaken
                ? 'This instance has a sync of this name'
                : wasTried && name === ''
                  ? 'It needs a name'
                  : undefined
            }
          />
        </SimpleGrid>
      </Panel>
      <Editor
        instance={instance}
        entity={name && !isTaken ? name : 'unnamed'}
        definition={definition}
        isNew
        isReadOnly={!mayChange}
        wasTried={wasTried}
        error={save.error}
        bar={(state) => (
          <Group className={classes.bar} justify="space-between">
            <SaveState {...state} />
            <Group gap="xs">
              <Allowed role="admin">
                {(disabled) => (
                  <Button
                    variant="default"
                    disabled={disabled}
                    loading={isFollowing}
                    onClick={() => void keep(true)}
                  >
                    Save and seed
                  </Button>
                )}
              </Allowed>
              <Allowed role="admin">
                {(disabled) => (
                  <Button disabled={disabled} loading={isFollowing} onClick={() => void keep(false)}>
                    Save, then test
                  </Button>
                )}
              </Allowed>
            </Group>
          </Group>
        )}
      />
      <Text size="sm" c="dimmed">
        Saving writes nothing to {instance.target}. “Save and seed” then starts a run that writes every row;
        “Save, then test” leads to the sync's page, where a test shows first what would be written.
      </Text>
    </Stack>
  );
}

/** `sales.customers` and `data/customers-2024.csv` → a name for a sync. */
function baseName(path: string): string {
  const last = path.split('/').pop() ?? '';
  const bare = last.replace(/\.(csv|jsonl|parquet|ndjson)$/i, '');
  return (bare.split('.').pop() ?? '').replace(/[^A-Za-z0-9_-]/g, '');
}
