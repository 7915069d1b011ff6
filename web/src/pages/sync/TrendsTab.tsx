import '@mantine/charts/styles.layer.css';
import { Group, SegmentedControl, Skeleton, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Sync } from '../../api/types';
import { ShortId } from '../../ui/copy';
import { Empty } from '../../ui/empty';
import { count, counted, duration, percent } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { flagWord } from '../../ui/status';
import { Ago } from '../../ui/time';
import { syncRoute } from './route';
import { TrendChart } from './TrendChart';
import { jumpsOf, type Point } from './trends';
import classes from './trends.module.css';

const whole = (rows: number) => count(Math.round(rows));
const CHARTS = [
  { title: 'Rows processed', kind: 'rows', value: (p: Point) => p.rows_processed, format: whole },
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
      <SuddenChanges points={data.points} />
    </Stack>
  );
}

/** Runs of one kind of sudden change that are listed at once. */
const LISTED = 5;

/** Sudden changes by kind, with where they may come from. */
function SuddenChanges({ points }: { points: Point[] }) {
  const found = jumpsOf(points);
  return (
    <Panel title="Sudden changes" about="Compared with the ten runs before each." pad={false}>
      {found.length === 0 && <Empty title="Nothing sudden in these runs" />}
      {found.map(({ kind, causes, runs }) => (
        <section key={kind} className={classes.jump} aria-label={flagWord(kind)}>
          <Group gap={6}>
            <IconAlertTriangle size={16} color="var(--state-partial)" aria-hidden />
            <Text fw={600}>{flagWord(kind)}</Text>
            <Text size="sm" c="dimmed">
              in {counted(runs.length, 'run')}
            </Text>
          </Group>
          <div className={classes.jumpSides}>
            <ul className={classes.runs}>
              {runs.slice(0, LISTED).map(({ point, message }) => (
                <li key={point.run_id}>
                  <Link
                    to="/runs/$runId"
                    params={{ runId: point.run_id }}
                    search={kind === 'error_rate_rise' ? { tab: 'errors' } : {}}
                    className="link"
                  >
                    <ShortId id={point.run_id} />
                  </Link>{' '}
                  {message}{' '}
                  <Text span size="sm" c="dimmed">
                    <Ago at={point.at} />
                  </Text>
                </li>
              ))}
              {runs.length > LISTED && (
                <li>
                  <Text span size="sm" c="dimmed">
                    and {runs.length - LISTED} before, marked in the chart
                  </Text>
                </li>
              )}
            </ul>
            <div>
              <Text size="sm">Likely causes</Text>
              <ul className={classes.causes}>
                {causes.map((cause) => (
                  <li key={cause}>{cause}</li>
                ))}
              </ul>
            </div>
          </div>
        </section>
      ))}
    </Panel>
  );
}
