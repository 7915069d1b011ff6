import { Autocomplete, Group, SegmentedControl, Select, Stack, Text, Tooltip } from '@mantine/core';
import { useAll } from '../../api/all';
import { exact, moment } from '../../ui/format';
import { firstOf, narrowed } from '../../ui/narrow';
import { Panel } from '../../ui/page';
import { useEditing } from './context';
import { mappingAt, textAt } from './draft';
import classes from './editor.module.css';
import { Key, Keys } from './Keys';
import { useSchedulePreview } from './server';

const WAYS = {
  none: 'Only by hand',
  every: 'Interval',
  cron: 'Times of the day',
  after: 'After another sync',
};
type Way = keyof typeof WAYS;

const START: Record<Exclude<Way, 'none'>, string> = { every: '15m', cron: '0 6 * * *', after: '' };
const INTERVALS = ['1m', '5m', '15m', '30m', '1h', '6h', '12h', '1d', '7d'];
const CRONS = ['0 * * * *', '0 6 * * *', '0 6 * * 1-5', '0 6 * * mon', '0 0 1 * *'];

/** When the sync runs by itself. */
export function Schedule() {
  const { value, set, isLocked, problem, instance } = useEditing();
  const schedule = mappingAt(value, 'schedule');
  const way = (['every', 'cron', 'after'] as const).find((one) => one in schedule) ?? 'none';
  function choose(next: string) {
    if (next === 'none') return set(['schedule'], undefined);
    const { every, cron, after, timezone, ...rest } = schedule;
    set(['schedule'], { [next]: START[next as Exclude<Way, 'none'>], ...rest });
  }
  return (
    <Panel title="When" about="When it runs by itself, once it is active.">
      <Stack gap="md">
        <SegmentedControl
          aria-label="When it runs"
          data={Object.entries(WAYS).map(([one, label]) => ({ value: one, label }))}
          value={way}
          onChange={choose}
          disabled={isLocked}
          w="fit-content"
          className={classes.wrapping}
        />
        {problem(['schedule'], true) && (
          <Text size="sm" c="red">
            {problem(['schedule'], true)}
          </Text>
        )}
        {way !== 'none' && (
          <>
            <Keys>
              {way === 'every' && (
                <Suggested
                  name="every"
                  label="Every"
                  data={INTERVALS}
                  help="From one start to the next: 15m, 1h30m, 7d"
                />
              )}
              {way === 'cron' && (
                <>
                  <Suggested
                    name="cron"
                    label="Cron expression"
                    data={CRONS}
                    help="Minute, hour, day of month, month, day of week"
                  />
                  <Zone />
                </>
              )}
              {way === 'after' && <After instance={instance} />}
              <Key path={['schedule', 'jitter']} />
              <Key path={['schedule', 'overlap']} />
            </Keys>
            <Meaning schedule={schedule} />
          </>
        )}
      </Stack>
    </Panel>
  );
}

/** The schedule in words, and when it would fire next. */
function Meaning({ schedule }: { schedule: Record<string, unknown> }) {
  const found = useSchedulePreview(schedule).data;
  if (!found) return null;
  return (
    <div>
      <Text size="sm">
        Runs <b>{found.words}</b>, once it is active.
      </Text>
      {found.next_fires.length > 0 && (
        <Group gap="sm" mt={2}>
          <Text size="sm" c="dimmed">
            Next:
          </Text>
          {found.next_fires.map((at) => (
            <Tooltip key={at} label={exact(at)}>
              <Text size="sm" c="dimmed" component="time" dateTime={at} className="num">
                {moment(at)}
              </Text>
            </Tooltip>
          ))}
        </Group>
      )}
    </div>
  );
}

function Suggested(props: { name: 'every' | 'cron'; label: string; data: string[]; help: string }) {
  const { value, set, isLocked, problem } = useEditing();
  const { name, label, data, help } = props;
  return (
    <Autocomplete
      label={label}
      description={help}
      required
      disabled={isLocked}
      data={data}
      filter={({ options }) => options}
      value={textAt(mappingAt(value, 'schedule'), name)}
      onChange={(next) => set(['schedule', name], next)}
      error={problem(['schedule', name])}
    />
  );
}

const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];

function Zone() {
  const { value, set, isLocked, problem } = useEditing();
  return (
    <Select
      label="Time zone"
      description="Of the expression; it follows summer time"
      disabled={isLocked}
      searchable
      limit={50}
      data={ZONES}
      value={textAt(mappingAt(value, 'schedule'), 'timezone') || 'UTC'}
      allowDeselect={false}
      onChange={(next) => set(['schedule', 'timezone'], next === 'UTC' ? undefined : (next ?? undefined))}
      error={problem(['schedule', 'timezone'])}
    />
  );
}

function After({ instance }: { instance: string }) {
  const { value, set, isLocked, problem } = useEditing();
  const syncs = useAll('/api/v1/syncs', {}, { defined: true });
  const ids = (syncs.data ?? []).map(({ id }) => id);
  const chosen = textAt(mappingAt(value, 'schedule'), 'after');
  // Those of the same instance come first: they are what is waited for most often.
  const own = ids.filter((id) => id.startsWith(`${instance}.`));
  const data = [...own, ...ids.filter((id) => !own.includes(id))];
  return (
    <Select
      label="After each successful run of"
      disabled={isLocked}
      searchable
      filter={narrowed(firstOf(syncs.cut, 'sync'))}
      required
      data={chosen && !data.includes(chosen) ? [chosen, ...data] : data}
      value={chosen || null}
      onChange={(next) => set(['schedule', 'after'], next ?? '')}
      nothingFoundMessage="There is no such sync"
      error={problem(['schedule', 'after'])}
    />
  );
}
