import { Text } from '@mantine/core';
import { IconCircleCheck, IconHandStop } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Schemas, Sync } from '../../api/types';
import { Empty } from '../../ui/empty';
import { duration, moment } from '../../ui/format';
import { Panel } from '../../ui/page';
import { scheduleWords } from '../../ui/schedule';
import { type Column, DataTable } from '../../ui/table';
import { at, type Definition, words } from './definition';
import { ALWAYS, GUARDS, NO_LIMIT, SETTINGS, type Setting } from './meanings';

interface Rule {
  title: string;
  value: string;
  meaning: string;
}

const COLUMNS: Column<Rule>[] = [
  { id: 'title', title: 'Setting', always: true, cell: ({ title }) => title },
  { id: 'value', title: 'Value', cell: ({ value }) => <span className="mono">{value}</span> },
  { id: 'meaning', title: 'What it means', wraps: true, cell: ({ meaning }) => meaning },
];

/** By which rules a sync runs and writes, each with what it means. */
export function Rules({ sync, definition }: { sync: Sync; definition: Definition }) {
  const fits = ({ mirror, cursor }: Setting) =>
    (!mirror || sync.write_mode === 'mirror') && (!cursor || sync.cursor_column !== null);
  const rules = SETTINGS.filter(fits).flatMap(({ path, title, meaning }) => {
    const value = words(at(definition, path)) ?? (path === 'write_mode' ? sync.write_mode : undefined);
    return value === undefined ? [] : [{ title, value, meaning: meaning[value] ?? meaning['*'] ?? '' }];
  });
  return (
    <>
      <Panel title="How it runs and writes" pad={false}>
        <DataTable
          name="rules"
          label="Rules"
          columns={COLUMNS}
          rows={[...rules.slice(0, 1), ...scheduleRules(sync), ...rules.slice(1)]}
          keyOf={({ title }) => title}
          empty={null}
        />
      </Panel>
      <Fires sync={sync} />
      <Guards sync={sync} definition={definition} />
    </>
  );
}

function scheduleRules({ schedule }: Sync): Rule[] {
  if (!schedule) {
    return [
      {
        title: 'Schedule',
        value: 'none',
        meaning: 'It runs when somebody, another program or the API starts it.',
      },
    ];
  }
  const { after, overlap, jitter_seconds } = schedule;
  const own: Rule[] = [
    {
      title: 'Schedule',
      value: scheduleWords(schedule),
      meaning: after
        ? `While active, it runs each time ${after} has completed.`
        : 'While active, it runs by itself at these times.',
    },
  ];
  if (jitter_seconds > 0) {
    own.push({
      title: 'Jitter',
      value: duration(jitter_seconds),
      meaning: 'Each run begins up to this much later, so that not all begin at once.',
    });
  }
  own.push({
    title: 'Overlap',
    value: overlap,
    meaning:
      overlap === 'skip'
        ? 'A run that is due while another goes on does not happen.'
        : 'A run that is due while another goes on begins when that has ended, once.',
  });
  return own;
}

/** When an active sync runs next. */
function Fires({ sync }: { sync: Sync }) {
  const schedule = api.useQuery(
    'get',
    '/api/v1/syncs/{sync_id}/schedule',
    { params: { path: { sync_id: sync.id } } },
    { enabled: !!sync.schedule && !sync.schedule.after, retry: false },
  ).data;
  if (!schedule || schedule.next_fires.length === 0) return null;
  return (
    <Panel
      title="Next times"
      about={sync.state === 'active' ? undefined : 'They count once the sync is active.'}
    >
      <Text size="sm" className="num">
        {schedule.next_fires.slice(0, 5).map(moment).join(' · ')}
      </Text>{' '}
      <Link to="/schedules" className="link">
        All schedules
      </Link>
    </Panel>
  );
}

interface Guard {
  name: string;
  limit: string;
  meaning: string;
  verdict: Schemas['GuardView'] | undefined;
}

const GUARD_COLUMNS: Column<Guard>[] = [
  { id: 'name', title: 'Guard', always: true, cell: ({ name }) => <span className="mono">{name}</span> },
  { id: 'limit', title: 'Limit', cell: ({ limit }) => limit },
  { id: 'meaning', title: 'What it watches', wraps: true, cell: ({ meaning }) => meaning },
  {
    id: 'verdict',
    title: 'In the last run',
    wraps: true,
    cell: ({ verdict }) =>
      verdict ? (
        <span style={{ display: 'inline-flex', gap: 6 }}>
          {verdict.tripped ? (
            <IconHandStop
              size={16}
              color="var(--state-held)"
              aria-label="held the run"
              style={{ flex: 'none', marginTop: 2 }}
            />
          ) : (
            <IconCircleCheck
              size={16}
              color="var(--state-completed)"
              aria-label="kept"
              style={{ flex: 'none', marginTop: 2 }}
            />
          )}
          {verdict.message}
        </span>
      ) : (
        '–'
      ),
  },
];

/** What stops a plan before anything is written, and what each said last. */
function Guards({ sync, definition }: { sync: Sync; definition: Definition }) {
  const runId = sync.last_run?.id ?? '';
  const last = api.useQuery(
    'get',
    '/api/v1/runs/{run_id}',
    { params: { path: { run_id: runId } } },
    { enabled: runId !== '' },
  ).data;
  const guard = (name: string, limit: string, meaning: string): Guard => ({
    name,
    limit,
    meaning,
    verdict: last?.guards.find((verdict) => verdict.guard === name),
  });
  const guards = [
    ...Object.entries(GUARDS).map(([name, meaning]) =>
      guard(name, words(at(definition, `guards.${name}`)) ?? NO_LIMIT[name] ?? 'none', meaning),
    ),
    ...Object.entries(ALWAYS).map(([name, meaning]) => guard(name, 'always', meaning)),
  ];
  return (
    <Panel
      title="Guards"
      about="A plan that breaks one of them is held before anything is written, until somebody approves or rejects it."
      pad={false}
    >
      <DataTable
        name="guards"
        label="Guards"
        columns={GUARD_COLUMNS}
        rows={guards}
        keyOf={({ name }) => name}
        empty={<Empty title="No guards" />}
      />
    </Panel>
  );
}
