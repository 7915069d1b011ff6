import { count, duration } from '../../ui/format';

/** Reading a sync's definition, as it stands in a file or as a run takes it. */

export type Definition = Record<string, unknown>;

/** What stands at a path like `model.key`. */
export function at(document: unknown, path: string): unknown {
  let here: unknown = document;
  for (const part of path.split('.')) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = Object.entries(here).find(([name]) => name === part)?.[1];
  }
  return here;
}

/** A value of the document as one line: lists with commas, durations and limits as people write them. */
export function words(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.length > 0 ? value.map(words).join(', ') : undefined;
  if (typeof value === 'object') {
    const { secs, percent, count: records } = value as Record<string, unknown>;
    if (typeof secs === 'number') return duration(secs);
    if (typeof percent === 'number') return `${percent} %`;
    if (typeof records === 'number') return count(records);
    return Object.entries(value)
      .map(([name, part]) => `${name}: ${words(part) ?? '–'}`)
      .join(', ');
  }
  return String(value);
}

export interface MappedField {
  field: string;
  /** SQL over the model's columns. */
  expression: string;
  /** The field by which a record is found at the target. */
  isMatch: boolean;
  write: string | undefined;
  nulls: string | undefined;
}

/** The mapping field by field; undefined when every column is written under its own name. */
export function mappedFields(definition: Definition): MappedField[] | undefined {
  const mapping = definition.mapping;
  if (typeof mapping !== 'object' || mapping === null) return undefined;
  const match = at(definition, 'to.match');
  const matches = Array.isArray(match) ? match : [match];
  return Object.entries(mapping).map(([field, value]) => {
    const rules = typeof value === 'object' && value !== null ? value : { value };
    return {
      field,
      expression: words(at(rules, 'value')) ?? 'null',
      isMatch: matches.includes(field),
      write: words(at(rules, 'write')),
      nulls: words(at(rules, 'nulls')),
    };
  });
}

/** What is read: which kind of model, and its text. */
export function modelOf(definition: Definition): { kind: string; text: string } | undefined {
  for (const kind of ['sql', 'sql_file', 'table', 'file']) {
    const text = words(at(definition, `model.${kind}`));
    if (text !== undefined) return { kind, text };
  }
  return undefined;
}
