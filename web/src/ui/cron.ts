/** Cron expressions in words, as far as they can be said shortly. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const NICKNAMES: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};
/** More times than these in a day are not listed one by one. */
const TIMES_MAX = 4;

/** `0 6 * * 1-5` as `Monday to Friday at 06:00`; undefined where the words would be longer than it. */
export function cronWords(expression: string): string | undefined {
  const plain = NICKNAMES[expression.trim().toLowerCase()] ?? expression;
  const [minute, hour, day, month, weekday, ...more] = plain.trim().split(/\s+/);
  if (!minute || !hour || !day || !month || !weekday || more.length > 0) return undefined;
  const days = dayWords(day, month, weekday);
  if (days === undefined) return undefined;
  const pace = paceWords(minute, hour);
  if (pace) return days ? `${pace}, ${days}` : pace;
  const times = timeWords(minute, hour);
  return times && `${days || 'daily'} at ${times}`;
}

/** What repeats within a day. */
function paceWords(minute: string, hour: string): string | undefined {
  const step = /^(?:\*|0)\/(\d+)$/.exec(minute)?.[1];
  const between = /^(\d+)-(\d+)$/.exec(hour);
  const from = between && clock(Number(between[1]), 0);
  if (minute === '*' || (step && 60 % Number(step) === 0)) {
    const pace = !step || step === '1' ? 'every minute' : `every ${step} minutes`;
    if (hour === '*') return pace;
    return between ? `${pace} from ${from} to ${clock(Number(between[2]), 59)}` : undefined;
  }
  if (!/^\d+$/.test(minute)) return undefined;
  const past = minute === '0' ? '' : ` at ${minute} past`;
  if (hour === '*') return `every hour${past}`;
  const hours = /^(?:\*|0)\/(\d+)$/.exec(hour)?.[1];
  if (hours && 24 % Number(hours) === 0) return `every ${hours} hours${past}`;
  return between ? `every hour${past} from ${from} to ${clock(Number(between[2]), 0)}` : undefined;
}

/** Single times of a day. */
function timeWords(minute: string, hour: string): string | undefined {
  const minutes = numbers(minute);
  const hours = numbers(hour);
  if (!minutes || !hours || minutes.length * hours.length > TIMES_MAX) return undefined;
  return list(hours.flatMap((h) => minutes.map((m) => clock(h, m))));
}

/** Which days; empty for all, undefined for what cannot be said. */
function dayWords(day: string, month: string, weekday: string): string | undefined {
  const isAny = (field: string) => field === '*' || field === '?';
  const months = isAny(month) ? '' : named(month, MONTHS, 1);
  if (months === undefined || (!isAny(day) && !isAny(weekday))) return undefined;
  const inMonths = months && ` in ${months}`;
  if (isAny(day) && isAny(weekday)) return months && `every day${inMonths}`;
  if (isAny(day)) {
    const days = named(weekday, DAYS, 0);
    return days && days + inMonths;
  }
  if (day === 'L') return `the last day of ${months || 'the month'}`;
  const days = numbers(day);
  if (!days) return undefined;
  return `day ${list(days.map(String))} of ${months || 'the month'}`;
}

/** Names of a field's values: `1-5` as `Monday to Friday`. */
function named(field: string, names: string[], first: number): string | undefined {
  const one = (text: string) => {
    const short = names.findIndex((name) => name.slice(0, 3).toLowerCase() === text.toLowerCase());
    if (short >= 0) return names[short];
    return /^\d+$/.test(text) ? names[(Number(text) - first) % names.length] : undefined;
  };
  const parts = field.split(',').map((part) => {
    const [from, to, ...more] = part.split('-').map(one);
    if (!from || more.length > 0) return undefined;
    if (!part.includes('-')) return from;
    return to && `${from} to ${to}`;
  });
  return parts.every((part) => part !== undefined) ? list(parts) : undefined;
}

function numbers(field: string): number[] | undefined {
  return /^\d+(,\d+)*$/.test(field) ? field.split(',').map(Number) : undefined;
}

function clock(hour: number, minute: number): string {
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

function list(parts: (string | undefined)[]): string {
  return parts.length < 2 ? `${parts[0]}` : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
