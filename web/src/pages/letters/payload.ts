import { ApiError } from '../../api/client';

export type Fields = Record<string, unknown>;

/** A value of the API that is a record's fields by name. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

/** A value as it stands in a field of the form. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * What somebody wrote in a field, as the kind of value that was there. Text that is not of this kind
 * stays text: the server says what it expected.
 */
export function read(text: string, before: unknown): unknown {
  if (typeof before === 'number') {
    const number = Number(text);
    // Exact decimals and large whole numbers stay as they are written.
    return text.trim() !== '' && String(number) === text.trim() ? number : text;
  }
  if (typeof before === 'boolean') {
    return text === 'true' ? true : text === 'false' ? false : text;
  }
  if (typeof before === 'object' && before !== null) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}

/** The fields of a draft that differ from what there was. */
export function changes(draft: Fields, before: Fields): Fields {
  return Object.fromEntries(Object.entries(draft).filter(([field, value]) => !isSame(value, before[field])));
}

/** A draft written as JSON, or what is wrong with it and where. */
export function parsed(text: string, before: Fields): { draft: Fields } | { line: number; message: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
    return { line: text.slice(0, position).split('\n').length, message };
  }
  const draft = fieldsOf(value);
  if (!draft) return { line: 1, message: 'This is to be an object: field names and their values.' };
  const missing = Object.keys(before).find((field) => !(field in draft));
  if (missing) {
    const last = text.split('\n').length;
    return { line: last, message: `The field ${missing} is missing. To send no value, write null.` };
  }
  return { draft };
}

/** What the server says about fields: by field, as far as it names one of them. */
export function faults(error: unknown, fields: string[]): Record<string, string> {
  if (!(error instanceof ApiError)) return {};
  const found: Record<string, string> = {};
  for (const { at, message } of error.problem.errors ?? []) {
    const field = fields.find((name) => at === `/payload/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`);
    if (field) found[field] = message;
  }
  const named = fields.find((name) => error.problem.detail.startsWith(`${name}: `));
  if (named) found[named] ??= error.problem.detail.slice(named.length + 2);
  return found;
}
