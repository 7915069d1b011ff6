/** How figures, times and names are written, the same everywhere. */

const grouped = new Intl.NumberFormat('en');
const exactTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const dayTime = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** 15432 → `15,432`. */
export function count(n: number): string {
  return grouped.format(n);
}

/** `1 row`, `15,432 rows`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Seconds as `420ms`, `12s`, `4m 23s`, `2h 5m`, `3d 4h`. */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(/\.0$/, '')}s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return two(Math.floor(s / 60), 'm', s % 60, 's');
  if (s < 86_400) return two(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'm');
  return two(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3600), 'h');
}

function two(a: number, unitA: string, b: number, unitB: string): string {
  return b === 0 ? `${a}${unitA}` : `${a}${unitA} ${b}${unitB}`;
}

/** Bytes as `812 B`, `1.4 MB`. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = n;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A share of 0 to 1 as `99.2 %`; never rounds to 0 or 100 what is not. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1 %';
  if (share < 1 && share > 0.999) return '>99.9 %';
  return `${(share * 100).toFixed(1).replace(/\.0$/, '')} %`;
}

/** The whole time in the viewer's zone. */
export function exact(at: string): string {
  return exactTime.format(new Date(at));
}

/** Day and minute in the viewer's zone. */
export function moment(at: string): string {
  return dayTime.format(new Date(at));
}

/** `just now`, `4m ago`, `in 2h`, and the date of what is more than a week away. */
export function relative(at: string, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size > 7 * 86_400) return moment(at);
  if (size < 5) return seconds > 0 ? 'now' : 'just now';
  const text =
    size < 60
      ? `${Math.floor(size)}s`
      : size < 3600
        ? `${Math.floor(size / 60)}m`
        : size < 86_400
          ? `${Math.floor(size / 3600)}h`
          : `${Math.floor(size / 86_400)}d`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

/** A value of a record as one line of text. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
