/** A small line of figures over the ground of zero, oldest first; marked ones carry a dot. */
export function Sparkline(props: {
  values: number[];
  marked?: boolean[];
  label: string;
  width?: number;
  height?: number;
}) {
  const { values, marked, label, width = 96, height = 24 } = props;
  if (values.length < 2) return <span aria-hidden>–</span>;
  const highest = Math.max(...values, 1);
  const x = (n: number) => 2 + (n * (width - 4)) / (values.length - 1);
  const y = (value: number) => height - 3 - (value / highest) * (height - 6);
  const line = values
    .map((value, n) => `${n === 0 ? 'M' : 'L'}${x(n).toFixed(1)} ${y(value).toFixed(1)}`)
    .join('');
  return (
    <svg width={width} height={height} role="img" aria-label={label} style={{ display: 'block' }}>
      <path
        d={`${line}L${x(values.length - 1).toFixed(1)} ${height}L${x(0).toFixed(1)} ${height}Z`}
        fill="var(--mantine-primary-color-filled)"
        opacity={0.1}
      />
      <path
        d={line}
        fill="none"
        stroke="var(--mantine-primary-color-filled)"
        strokeWidth={1.5}
        strokeLinejoin="round"
      />
      {values.map((value, n) =>
        // biome-ignore lint/suspicious/noArrayIndexKey: points stand in a fixed order
        marked?.[n] ? <circle key={n} cx={x(n)} cy={y(value)} r={2.5} fill="var(--state-partial)" /> : null,
      )}
    </svg>
  );
}
