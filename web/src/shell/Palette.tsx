import { Kbd } from '@mantine/core';
import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { IconHash, IconRefreshDot, IconSearch } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/client';
import { PLACES, SETTINGS } from './nav';

/** Finds pages, syncs, and runs by their id or correlation id; opens with Ctrl K. */
export default function Palette() {
  const navigate = useNavigate();
  const [query, setQuery] = useState('');
  const syncs =
    api.useQuery('get', '/api/v1/syncs', { params: { query: { per_page: 200 } } }).data?.data ?? [];
  const actions: SpotlightActionData[] = [
    ...[...PLACES, ...SETTINGS].map(({ label, to, icon: Sign, key }) => ({
      id: `page ${label}`,
      label,
      onClick: () => void navigate({ to }),
      leftSection: <Sign size={18} stroke={1.7} aria-hidden />,
      rightSection: (
        <span>
          <Kbd size="xs">g</Kbd> <Kbd size="xs">{key}</Kbd>
        </span>
      ),
    })),
    ...syncs.map((sync) => ({
      id: `sync ${sync.id}`,
      label: sync.id,
      description: `Sync: ${sync.source} to ${sync.target}`,
      onClick: () => void navigate({ to: '/syncs/$syncId', params: { syncId: sync.id } }),
      leftSection: <IconRefreshDot size={18} stroke={1.7} aria-hidden />,
    })),
  ];
  const wanted = query.trim();
  const isRun = /^run_[0-9a-f]+$/.test(wanted);
  if (isRun || /^[0-9a-f]{32}$/.test(wanted)) {
    actions.push({
      id: 'run',
      label: wanted,
      description: isRun ? 'Run' : 'Runs with this correlation id',
      onClick: () =>
        void (isRun
          ? navigate({ to: '/runs/$runId', params: { runId: wanted } })
          : navigate({ to: '/runs', search: { q: wanted } })),
      leftSection: <IconHash size={18} stroke={1.7} aria-hidden />,
    });
  }
  return (
    <Spotlight
      actions={actions}
      query={query}
      onQueryChange={setQuery}
      shortcut={['mod + K']}
      tagsToIgnore={[]}
      limit={12}
      scrollable
      nothingFound="Nothing found"
      searchProps={{
        leftSection: <IconSearch size={18} aria-hidden />,
        placeholder: 'Pages, syncs, run ids, correlation ids',
        'aria-label': 'Search',
      }}
    />
  );
}
