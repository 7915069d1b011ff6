import {
  Alert,
  Button,
  Checkbox,
  NumberInput,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../../api/client';
import type { InstanceView, Schemas, Sync } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { count, counted } from '../../ui/format';
import { narrowed } from '../../ui/narrow';
import { ProblemNote } from '../../ui/problem';
import { Choices, CURSOR_CHOICES, TYPE_CHOICES } from './choices';
import { readIds } from './ids';
import classes from './trigger.module.css';

type Type = Schemas['TriggerType'];
type Cursor = Schemas['ReadModeName'];

/** What a manual run may be asked for. */
export function TriggerForm(props: {
  instances: InstanceView[];
  /** Those of the chosen instance. */
  syncs: Sync[];
  /** What is offered of each where that is not all. */
  instancesOf: string | undefined;
  syncsOf: string | undefined;
  instance: string | undefined;
  entity: string | undefined;
  type: Type;
  choose: (chosen: { instance?: string; entity?: string; type?: Type }) => void;
  triggered: (run: Schemas['TriggeredRun']) => void;
}) {
  const { instances, syncs, instance, entity, type, choose, triggered } = props;
  const sync = syncs.find((each) => each.entity === entity);
  const [ids, setIds] = useState('');
  const [cursor, setCursor] = useState<Cursor>('incremental');
  const [maxEntities, setMaxEntities] = useState<number | string>('');
  const [batchSize, setBatchSize] = useState<number | string>('');
  const [reseeds, setReseeds] = useState(false);
  const [confirmed, setConfirmed] = useState('');
  const trigger = api.useMutation('post', '/api/v1/syncs/{sync_id}/trigger');

  const read = readIds(ids);
  const isReseed = type === 'seed' && reseeds;
  const refusal = sync && (whyNot(sync, type) ?? clash(read.ids.length, maxEntities, isReseed));
  const isReady = sync && !refusal && !read.problem && (!isReseed || confirmed.trim() === sync.id);

  function send() {
    if (!sync) return;
    const body: Schemas['TriggerRequest'] = { type, cursor, trigger: 'manual' };
    if (read.ids.length > 0) body.source_ids = read.ids;
    if (typeof maxEntities === 'number') body.max_entities = maxEntities;
    if (typeof batchSize === 'number') body.batch_size = batchSize;
    if (isReseed) body.reseed = { confirm: confirmed.trim() };
    trigger.mutate(
      { params: { path: { sync_id: sync.id } }, body },
      {
        onSuccess: (run) => {
          setConfirmed('');
          setReseeds(false);
          triggered(run);
        },
      },
    );
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) send();
      }}
    >
      <div className={classes.form}>
        <Stack gap="sm">
          <Select
            label="Instance"
            placeholder="Choose an instance"
            data={instances.map((each) => ({ value: each.name, label: each.name }))}
            value={instance ?? null}
            onChange={(value) => choose({ instance: value ?? undefined })}
            description={pairing(instances.find((each) => each.name === instance))}
            inputWrapperOrder={['label', 'input', 'description']}
            searchable
            filter={narrowed(props.instancesOf)}
            allowDeselect={false}
          />
          <Select
            label="Entity type"
            placeholder={instance ? 'Choose an entity type' : 'Choose an instance first'}
            disabled={!instance}
            data={syncs.map((each) => each.entity)}
            value={sync?.entity ?? null}
            onChange={(value) => choose({ instance, entity: value ?? undefined })}
            description={
              sync && `Writes ${sync.object} in ${sync.target}, ${sync.write_mode}, ${sync.state}.`
            }
            inputWrapperOrder={['label', 'input', 'description']}
            searchable
            filter={narrowed(props.syncsOf)}
            allowDeselect={false}
          />
          <Textarea
            label="Source IDs"
            placeholder="All records"
            description="Only these records, separated by commas. Put an ID with a comma in quotation marks."
            autosize
            minRows={2}
            maxRows={6}
            value={ids}
            onChange={(event) => setIds(event.currentTarget.value)}
            error={read.problem}
          />
          <Text size="xs" c="dimmed" mt={-6} className="num" role="status">
            {read.ids.length > 0 ? `${counted(read.ids.length, 'record')} chosen` : 'No limit by ID'}
          </Text>
          <div style={{ display: 'grid', gridTemplateColumns: '1fr 1fr', gap: 12 }}>
            <NumberInput
              label="Max entities"
              placeholder="No limit"
              min={1}
              allowDecimal={false}
              thousandSeparator=","
              value={maxEntities}
              onChange={setMaxEntities}
            />
            <NumberInput
              label="Batch size"
              placeholder={sync?.batch_size ? `${count(sync.batch_size)}, the sync's` : 'Automatic'}
              min={1}
              allowDecimal={false}
              thousandSeparator=","
              value={batchSize}
              onChange={setBatchSize}
            />
          </div>
          <Text size="xs" c="dimmed" mt={-6}>
            Larger batches are faster and need more memory; smaller ones are safer for large records.
          </Text>
        </Stack>
        <Choices
          label="Run type"
          choices={TYPE_CHOICES.map((choice) => ({ ...choice, refused: sync && whyNot(sync, choice.value) }))}
          value={type}
          onChange={(value) => choose({ instance, entity, type: value as Type })}
        />
        <Stack gap="sm">
          <Choices
            label="Cursor mode"
            choices={CURSOR_CHOICES.map((choice) => ({
              ...choice,
              refused:
                choice.value === 'full' && sync?.write_mode === 'append'
                  ? 'Not for append: every record would be appended again.'
                  : undefined,
            }))}
            value={cursor}
            onChange={(value) => setCursor(value as Cursor)}
          />
          {sync && <CursorNote sync={sync} isFull={cursor === 'full'} ids={read.ids.length} />}
        </Stack>
      </div>
      {type === 'seed' && sync && (
        <Reseed
          sync={sync}
          reseeds={reseeds}
          setReseeds={setReseeds}
          confirmed={confirmed}
          setConfirmed={setConfirmed}
        />
      )}
      {trigger.error && (
        <div style={{ marginTop: 12 }}>
          <ProblemNote error={trigger.error} />
        </div>
      )}
      <div className={classes.foot}>
        <Text size="sm" c="dimmed">
          {sync
            ? (refusal ?? willDo(sync, type, chosen(read.ids.length, maxEntities), isReseed))
            : 'Choose an instance and an entity type.'}
        </Text>
        <Allowed role="operator">
          {(disabled) => (
            <Button
              type="submit"
              size="sm"
              leftSection={<IconPlayerPlay size={16} />}
              color={isReseed ? 'red' : undefined}
              disabled={disabled || !isReady}
              loading={trigger.isPending}
            >
              Trigger sync
            </Button>
          )}
        </Allowed>
      </div>
    </form>
  );
}

function pairing(instance: InstanceView | undefined): string | undefined {
  return instance && `From ${instance.source} to ${instance.target}.`;
}

/** Why a run of this type cannot be started. */
function whyNot(sync: Sync, type: string): string | undefined {
  const isRefused = sync.state === 'halted' && (type === 'sync' || type === 'seed');
  return isRefused
    ? 'The sync is halted: activate it first, or try with a test or a one-time run.'
    : undefined;
}

/** What of the form cannot be asked for together. */
function clash(ids: number, maxEntities: number | string, isReseed: boolean): string | undefined {
  return isReseed && (ids > 0 || typeof maxEntities === 'number')
    ? 'A reseed is of all records: leave source IDs and max entities empty.'
    : undefined;
}

/** Of so many source IDs a limit takes the first. */
function chosen(ids: number, maxEntities: number | string): number {
  return typeof maxEntities === 'number' ? Math.min(ids, maxEntities) : ids;
}

function willDo(sync: Sync, type: Type, ids: number, isReseed: boolean): string {
  const records = ids > 0 ? counted(ids, 'record') : 'records';
  if (isReseed) return `Removes what ${sync.id} delivered, then writes everything to ${sync.target}.`;
  if (type === 'test') return `Plans ${records} of ${sync.id}, and writes nothing to ${sync.target}.`;
  return `Writes ${records} of ${sync.id} to ${sync.target} at once${sync.state === 'active' ? '' : '; the sync stays inactive'}.`;
}

/** How far the sync is, and what the choice does with that. */
function CursorNote({ sync, isFull, ids }: { sync: Sync; isFull: boolean; ids: number }) {
  return (
    <Text size="xs" c="dimmed" mih={36}>
      {sync.cursor_column ? (
        <>
          The cursor <span className="mono">{sync.cursor_column}</span>{' '}
          {sync.cursor ? (
            <>
              is at <span className="mono">{sync.cursor}</span>.
            </>
          ) : (
            'has no value yet: the first run reads everything.'
          )}
          {ids > 0 && ' Chosen records are read past the cursor and do not move it.'}
        </>
      ) : (
        `This model has no cursor: every run reads all of it and sends ${isFull ? 'all of it' : 'what changed'}.`
      )}
    </Text>
  );
}

/** The choice to clear what the sync wrote first, with its typed confirmation. */
function Reseed(props: {
  sync: Sync;
  reseeds: boolean;
  setReseeds: (on: boolean) => void;
  confirmed: string;
  setConfirmed: (text: string) => void;
}) {
  const { sync, reseeds, setReseeds, confirmed, setConfirmed } = props;
  return (
    <Stack gap="sm" mt="md">
      <Checkbox
        size="xs"
        label="Reseed: first remove this sync's records from the target"
        description="They are exported before. Records that the sync did not write stay."
        checked={reseeds}
        onChange={(event) => setReseeds(event.currentTarget.checked)}
      />
      {reseeds && (
        <Alert
          color="red"
          variant="outline"
          styles={{ label: { color: 'var(--state-failed)' } }}
          title={`${counted(sync.delivered, 'record')} will be removed from ${sync.target}`}
        >
          <Text size="sm" mb="xs">
            {sync.delivered === 0
              ? 'The sync has delivered nothing that could be removed; a seed without this does the same.'
              : `All ${count(sync.delivered)} records that ${sync.id} delivered to ${sync.object} are deleted there, and then written again from the source. Until the run is over they may be missing.`}
          </Text>
          <TextInput
            label={`Type ${sync.id} to confirm`}
            value={confirmed}
            onChange={(event) => setConfirmed(event.currentTarget.value)}
            maw={320}
          />
        </Alert>
      )}
    </Stack>
  );
}
