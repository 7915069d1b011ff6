import '@mantine/charts/styles.css';
import { Group, SegmentedControl, Skeleton, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { Empty } from '../../ui/empty';
import { count, duration, percent } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { flagWord } from '../../ui/status';
import { Ago } from '../../ui/time';
import { syncRoute } from './route';
import { TrendChart } from './TrendChart';
import type { Point } from './trends';
import classes from './trends.module.css';

const CHARTS = [
  { title: 'Rows processed', kind: 'rows', value: (p: Point) => p.rows_processed, format: count },
  { title: 'Error rate', kind: 'errors', value: (p: Point) => p.error_rate, format: percent },
  { title: 'Duration', kind: 'duration', value: (p: Point) => p.duration_seconds, format: duration },
] as const;

/** Rows, errors and duration over runs, with what in them is sudden. */
export default function TrendsTab({ sync }: { sync: Sync }) {
  const { last } = syncRoute.useSearch();
  const navigate = syncRoute.useNavigate();
  const { data, error, refetch } = api.useQuery(
    'get',
    '/api/v1/syncs/{sync_id}/trends',
    { params: { path: { sync_id: sync.id }, query: { runs: Number(last ?? 30) } } },
    { placeholderData: (before) => before },
  );
  if (!data) return error ? <ProblemNote error={error} retry={() => void refetch()} /> : <Skeleton h={640} />;
  if (data.points.length < 2) {
    return (
      <div className="panel">
        <Empty title="Too few runs for a trend">
          Trends compare runs that wrote something. They begin with the second one; tests do not count.
        </Empty>
      </div>
    );
  }
  const points = data.points.toReversed();
  return (
    <Stack gap="md">
      <Panel
        title="Over the last runs"
        about="Oldest at the left. A dot marks a sudden change or a run that failed."
        actions={
          <SegmentedControl
            aria-label="Runs shown"
            value={last ?? '30'}
            onChange={(value) =>
              void navigate({
                search: { tab: 'trends', last: value === '100' || value === '200' ? value : undefined },
                resetScroll: false,
              })
            }
            data={['30', '100', '200'].map((value) => ({ value, label: `${value} runs` }))}
          />
        }
        pad={false}
      >
        {CHARTS.map((chart) => (
          <TrendChart key={chart.kind} points={points} chart={chart} />
        ))}
      </Panel>
      <Jumps points={data.points} />
    </Stack>
  );
}

/** Each sudden change with where it may come from, newest first. */
function Jumps({ points }: { points: Point[] }) {
  const flagged = points.flatMap((point) => point.flags.map((flag) => ({ point, flag })));
  return (
    <Panel title="Sudden changes" about="Compared with the ten runs before each." pad={false}>
      {flagged.length === 0 && <Empty title="Nothing sudden in these runs" />}
      {flagged.map(({ point, flag }) => (
        <div key={point.run_id + flag.kind} className={classes.jump}>
          <Group gap={6}>
            <IconAlertTriangle size={16} color="var(--state-partial)" aria-hidden />
            <Text fw={600}>{flagWord(flag.kind)}</Text>
            <Text>{flag.message}</Text>
            <Text c="dimmed" size="sm">
              <Ago at={point.at} />
            </Text>
            <Link
              to="/runs/$runId"
              params={{ runId: point.run_id }}
              search={flag.kind === 'error_rate_rise' ? { tab: 'errors' } : {}}
              className="link"
            >
              {flag.kind === 'error_rate_rise' ? 'Errors of the run' : 'Open the run'}
            </Link>
          </Group>
          <Text size="sm" mt={4}>
            Likely causes:
          </Text>
          <ul className={classes.causes}>
            {flag.likely_causes.map((cause) => (
              <li key={cause}>{cause}</li>
            ))}
          </ul>
        </div>
      ))}
    </Panel>
  );
}
