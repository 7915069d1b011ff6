import { Kbd } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { IconHash, IconHistory, IconMailOff, IconRefreshDot, IconSearch } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useAll } from '../api/all';
import { api } from '../api/client';
import { firstOf } from '../ui/narrow';
import { statusWord, typeWord } from '../ui/status';
import { PLACES, SETTINGS } from './nav';

/** Finds pages, syncs, runs and dead letters; opens with Ctrl K. */
export default function Palette() {
  const [query, setQuery] = useState('');
  const wanted = query.trim();
  const places = usePlaces();
  const { syncs, of } = useSyncs(wanted);
  const runs = useRuns(wanted);
  const letters = useLetters(wanted);
  // The component marks the first finding as somebody writes; what the server finds comes later.
  useEffect(() => {
    if (!document.querySelector('[data-action][data-selected]')) {
      document.querySelector('[data-action]')?.setAttribute('data-selected', 'true');
    }
  });
  return (
    <Spotlight
      overlayProps={{ blur: 0 }}
      actions={[...places, ...syncs, ...letters, ...runs]}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      limit={14}
      scrollable
      nothingFound={`Nothing is called ${wanted || 'so'}. Keys of dead letters and ids of runs are found as a whole.${
        of ? ` Only ${of} are looked at; their own page finds them all.` : ''
      }`}
      searchProps={{
        leftSection: <IconSearch size={18} aria-hidden />,
        placeholder: 'Pages, syncs, runs, dead letters: names, ids, keys',
        'aria-label': 'Search',
      }}
    />
  );
}

/** Every page, with the keys that lead there. */
function usePlaces(): SpotlightActionData[] {
  const navigate = useNavigate();
  return [...PLACES, ...SETTINGS].map(({ label, to, icon: Sign, key }) => ({
    id: `page ${label}`,
    label,
    onClick: () => void navigate({ to }),
    leftSection: <Sign size={18} stroke={1.7} aria-hidden />,
    rightSection: (
      <span>
        <Kbd size="xs">g</Kbd> <Kbd size="xs">{key}</Kbd>
      </span>
    ),
  }));
}

/** Every sync, read when somebody begins to write; and what was looked at where there are too many. */
function useSyncs(wanted: string): { syncs: SpotlightActionData[]; of: string | undefined } {
  const navigate = useNavigate();
  const syncs = useAll('/api/v1/syncs', {}, { defined: true, enabled: wanted !== '' });
  const found = (syncs.data ?? []).map((sync) => ({
    id: `sync ${sync.id}`,
    label: sync.id,
    description: `Sync: ${sync.source} to ${sync.target}`,
    onClick: () => void navigate({ to: '/syncs/$syncId', params: { syncId: sync.id } }),
    leftSection: <IconRefreshDot size={18} stroke={1.7} aria-hidden />,
  }));
  return { syncs: found, of: firstOf(syncs.cut, 'sync') };
}

/** The latest runs, and any by its whole id or its correlation id. */
function useRuns(wanted: string): SpotlightActionData[] {
  const navigate = useNavigate();
  const latest = api.useQuery(
    'get',
    '/api/v1/runs',
    { params: { query: { per_page: 50 } } },
    { enabled: wanted.length > 2 },
  ).data?.data;
  const found: SpotlightActionData[] = (latest ?? []).map((run) => ({
    id: `run ${run.id}`,
    label: run.id,
    description: `${typeWord(run.type)} run of ${run.sync_id}: ${statusWord(run.status).toLowerCase()}`,
    onClick: () => void navigate({ to: '/runs/$runId', params: { runId: run.id } }),
    leftSection: <IconHistory size={18} stroke={1.7} aria-hidden />,
  }));
  if (/^run_[0-9a-f]{8,}$/.test(wanted) && !latest?.some((run) => run.id === wanted)) {
    found.push({
      id: 'run by id',
      label: wanted,
      description: 'Run with this id',
      onClick: () => void navigate({ to: '/runs/$runId', params: { runId: wanted } }),
      leftSection: <IconHash size={18} stroke={1.7} aria-hidden />,
    });
  }
  if (/^[0-9a-f]{32}$/.test(wanted)) {
    found.push({
      id: 'runs by correlation',
      label: wanted,
      description: 'Runs with this correlation id',
      onClick: () => void navigate({ to: '/runs', search: { q: wanted } }),
      leftSection: <IconHash size={18} stroke={1.7} aria-hidden />,
    });
  }
  return found;
}

/** Dead letters of a key, whatever their state; and one by its id. */
function useLetters(wanted: string): SpotlightActionData[] {
  const navigate = useNavigate();
  const [key] = useDebouncedValue(wanted, 200);
  const letters = api.useQuery(
    'get',
    '/api/v1/dead-letters',
    { params: { query: { key, per_page: 5 } } },
    { enabled: key !== '' },
  ).data?.data;
  const found: SpotlightActionData[] = (letters ?? []).map((letter) => ({
    id: `letter ${letter.id}`,
    label: `${letter.entity} ${letter.row_id}`,
    description: `Dead letter of ${letter.sync_id}: ${letter.message}`,
    onClick: () => void navigate({ to: '/dead-letters/$letterId', params: { letterId: letter.id } }),
    leftSection: <IconMailOff size={18} stroke={1.7} aria-hidden />,
  }));
  if (/^dl_[0-9a-f]+$/.test(wanted)) {
    found.push({
      id: 'letter by id',
      label: wanted,
      description: 'Dead letter with this id',
      onClick: () => void navigate({ to: '/dead-letters/$letterId', params: { letterId: wanted } }),
      leftSection: <IconHash size={18} stroke={1.7} aria-hidden />,
    });
  }
  return found;
}
