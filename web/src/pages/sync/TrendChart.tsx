import { LineChart } from '@mantine/charts';
import { Group, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { ShortId } from '../../ui/copy';
import { moment } from '../../ui/format';
import { flagWord, statusColor, statusWord } from '../../ui/status';
import { axisEnd, type FlagKind, kindOf, median, type Point } from './trends';
import classes from './trends.module.css';

interface Chart {
  title: string;
  kind: FlagKind;
  value: (point: Point) => number;
  format: (value: number) => string;
}

/** One figure over runs, oldest at the left. A dot stands where it jumped or the run failed. */
export function TrendChart({ points, chart }: { points: Point[]; chart: Chart }) {
  const navigate = useNavigate();
  const { title, kind, value, format } = chart;
  const byRun = new Map(points.map((point) => [point.run_id, point]));
  const open = (runId: unknown) => {
    if (typeof runId === 'string') void navigate({ to: '/runs/$runId', params: { runId } });
  };
  const last = points.at(-1);
  const usual = median(points.map(value));
  const highest = axisEnd(Math.max(...points.map(value)));
  const end = kind === 'errors' ? Math.min(1, highest) : highest;
  const latest = last ? format(value(last)) : '–';
  const jumps = points.filter((point) => point.flags.some((flag) => kindOf(flag) === kind)).length;
  return (
    <figure className={classes.figure} aria-label={title}>
      <Group component="figcaption" justify="space-between" gap="xs" className={classes.caption}>
        <Text fw={600}>{title}</Text>
        <Text size="sm" c="dimmed" className="num">
          <Text span fw={600} c="var(--mantine-color-text)" size="sm">
            {latest}
          </Text>{' '}
          in the last run, usually {usual === undefined ? '–' : format(usual)}
          {jumps > 0 && `, ${jumps} sudden ${jumps === 1 ? 'change' : 'changes'}`}
        </Text>
      </Group>
      <LineChart
        h={150}
        data={points.map((point) => ({ run: point.run_id, value: value(point) }))}
        dataKey="run"
        series={[{ name: 'value', label: title, color: 'var(--mantine-primary-color-filled)' }]}
        curveType="linear"
        strokeWidth={1.5}
        gridAxis="x"
        tickLine="none"
        valueFormatter={format}
        xAxisProps={{
          tickFormatter: (run: string) => moment(byRun.get(run)?.at ?? ''),
          minTickGap: 90,
        }}
        yAxisProps={{ width: 64, tickFormatter: format, domain: [0, end], ticks: [0, end / 2, end] }}
        lineChartProps={{
          syncId: 'trends',
          onClick: ({ activeLabel }) => open(activeLabel),
          margin: { top: 6, right: 8 },
          style: { cursor: 'pointer' },
        }}
        lineProps={{
          isAnimationActive: false,
          dot: ({ cx, cy, payload, key }) => {
            const point = byRun.get((payload as { run: string }).run);
            const color = point && dotColor(point, kind);
            return color ? <circle key={key} cx={cx} cy={cy} r={4} fill={color} /> : <g key={key} />;
          },
        }}
        tooltipProps={{
          isAnimationActive: false,
          content: ({ label }) => {
            const point = typeof label === 'string' ? byRun.get(label) : undefined;
            return point ? <Hint point={point} chart={chart} /> : null;
          },
        }}
      />
    </figure>
  );
}

function dotColor(point: Point, kind: FlagKind): string | undefined {
  if (point.flags.some((flag) => kindOf(flag) === kind)) return 'var(--state-partial)';
  return point.status === 'completed' ? undefined : statusColor(point.status);
}

/** The run under the pointer. */
function Hint({ point, chart }: { point: Point; chart: Chart }) {
  const flags = point.flags.filter((flag) => kindOf(flag) === chart.kind);
  return (
    <div className={classes.hint}>
      <Group gap="xs" justify="space-between">
        <ShortId id={point.run_id} />
        <span>{moment(point.at)}</span>
      </Group>
      <div className="num">
        <b>{chart.format(chart.value(point))}</b>
        {point.status !== 'completed' && <> · {statusWord(point.status)}</>}
      </div>
      {flags.map((flag) => (
        <div key={flag.kind} className={classes.flag}>
          {flagWord(flag.kind)}: {flag.message}
        </div>
      ))}
      <div className={classes.soft}>Click to open the run</div>
    </div>
  );
}
