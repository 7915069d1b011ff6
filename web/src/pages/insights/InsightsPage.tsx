import { SegmentedControl } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Figure, Figures } from '../../ui/figure';
import { count, duration, percent } from '../../ui/format';
import { Page, Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { RunsChart } from '../../ui/runs-chart';
import { insightsRoute } from './route';
import { SyncsInFigures } from './SyncsInFigures';

type Health = Schemas['HealthView'];

const WINDOWS = ['24h', '7d', '30d'] as const;
type Window = (typeof WINDOWS)[number];
const WORDS: Record<Window, string> = { '24h': '24 hours', '7d': '7 days', '30d': '30 days' };

function useHealth(window: Window) {
  return api.useQuery(
    'get',
    '/api/v1/health',
    { params: { query: { window } } },
    { placeholderData: keepPreviousData },
  );
}

export function InsightsPage() {
  const { window = '24h' } = insightsRoute.useSearch();
  const navigate = insightsRoute.useNavigate();
  const health = useHealth(window);
  return (
    <Page
      title="Sync health"
      about="All runs of the workspace over time; tests are left out."
      actions={
        <SegmentedControl
          aria-label="Part of time"
          value={window}
          data={WINDOWS.map((value) => ({ value, label: WORDS[value] }))}
          onChange={(value) =>
            void navigate({
              search: (now) => ({ ...now, page: undefined, window: value === '24h' ? undefined : value }),
              replace: true,
            })
          }
        />
      }
    >
      {health.error && !health.data ? (
        <Panel>
          <ProblemNote error={health.error} retry={() => void health.refetch()} />
        </Panel>
      ) : (
        <>
          <Panel title={`Last ${WORDS[window]}`} pad={false}>
            <InFigures window={window} health={health.data} />
          </Panel>
          <Panel title="Runs by status" about="Hours and days are those of UTC.">
            <RunsChart health={health.data} height={180} />
          </Panel>
          <SyncsInFigures window={window} health={health.data} />
        </>
      )}
    </Page>
  );
}

/** The figures of a window; below each, the same for the other two. */
function InFigures({ window, health }: { window: Window; health: Health | undefined }) {
  const others = WINDOWS.filter((other) => other !== window);
  const [first, second] = [useHealth(others[0] ?? '7d').data, useHealth(others[1] ?? '30d').data];

  function beside(write: (health: Health) => string): ReactNode {
    return [first, second].map((other) => other && `${other.window} ${write(other)}`).join(' · ') || ' ';
  }
  const figures: { name: string; write: (health: Health) => string; to?: '/runs' }[] = [
    { name: 'Total runs', write: ({ total_runs }) => count(total_runs), to: '/runs' },
    {
      name: 'Success rate',
      write: ({ success_rate }) => (success_rate == null ? '–' : percent(success_rate)),
    },
    {
      name: 'Average duration',
      write: ({ average_duration_seconds: s }) => (s == null ? '–' : duration(s)),
    },
    { name: 'Rows synced', write: ({ rows_synced }) => count(rows_synced) },
    { name: 'Rows failed', write: ({ rows_failed }) => count(rows_failed) },
    { name: 'Syncs with errors', write: ({ syncs_with_errors }) => count(syncs_with_errors.length) },
  ];
  return (
    <Figures>
      {figures.map(({ name, write, to }) => (
        <Figure
          key={name}
          name={name}
          value={health && write(health)}
          beside={beside(write)}
          to={to}
          search={to && { since: window }}
        />
      ))}
    </Figures>
  );
}
