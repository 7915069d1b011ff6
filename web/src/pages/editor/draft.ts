/** What the form reads of a definition, and what it suggests. Pure. */

import type { Schemas } from '../../api/types';
import type { Mapping, Path } from '../../ui/yaml';

/** A column of the model, or of the target. */
export interface Column {
  name: string;
  type?: string;
  nullable?: boolean;
}

/** One line of the mapping. */
export interface Field {
  name: string;
  value: string;
  write?: string;
  nulls?: string;
}

export const MODEL_KINDS = ['table', 'sql', 'sql_file', 'file'] as const;
export type ModelKind = (typeof MODEL_KINDS)[number];

export function mappingAt(value: Mapping, name: string): Mapping {
  const found = value[name];
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Mapping) : {};
}

export function textAt(value: Mapping, name: string): string {
  const found = value[name];
  return found === undefined || found === null || typeof found === 'object' ? '' : String(found);
}

/** What stands at a path, or undefined. */
export function valueAt(value: Mapping, path: Path): unknown {
  let here: unknown = value;
  for (const key of path) here = (here as Record<string | number, unknown> | null | undefined)?.[key];
  return here;
}

/** One name or a list of names. */
export function namesAt(value: Mapping, name: string): string[] {
  const found = value[name];
  if (Array.isArray(found)) return found.map(String);
  const text = textAt(value, name);
  return text ? [text] : [];
}

/** One name as itself, several as a list, none as nothing. */
export function oneOrMany(names: string[]): string | string[] | undefined {
  if (names.length === 0) return undefined;
  return names.length === 1 ? names[0] : names;
}

/** What nobody has filled in yet, in words. */
export function unfilled(value: Mapping): string[] {
  const model = mappingAt(value, 'model');
  const kind = modelKind(model);
  return [
    !kind || textAt(model, kind) === '' ? 'what is read' : '',
    namesAt(model, 'key').length === 0 ? 'its key' : '',
    textAt(mappingAt(value, 'to'), 'object') === '' ? 'the target' : '',
  ].filter(Boolean);
}

/** The one of these objects that a name means: `customers` is also `public.customers`. */
export function meant<T extends { name: string }>(objects: T[], name: string): T | undefined {
  const exact = objects.find((one) => one.name === name);
  if (exact || name === '' || name.includes('.')) return exact;
  return objects.find((one) => one.name === `public.${name}`);
}

/** Which of the ways of naming what is read is used. */
export function modelKind(model: Mapping): ModelKind | undefined {
  return MODEL_KINDS.find((kind) => kind in model);
}

export function fieldsOf(value: Mapping): Field[] {
  return Object.entries(mappingAt(value, 'mapping')).map(([name, rule]) => {
    if (typeof rule !== 'object' || rule === null) return { name, value: rule === null ? '' : String(rule) };
    const rules = rule as Mapping;
    return {
      name,
      value: textAt(rules, 'value'),
      write: textAt(rules, 'write') || undefined,
      nulls: textAt(rules, 'nulls') || undefined,
    };
  });
}

/** A field as it is written: only its expression where it has no rules of its own. */
export function fieldDocument({ value, write, nulls }: Omit<Field, 'name'>): string | Mapping {
  const rules = {
    ...(write && write !== 'always' ? { write } : {}),
    ...(nulls && nulls !== 'write' ? { nulls } : {}),
  };
  return Object.keys(rules).length > 0 ? { value, ...rules } : value;
}

/** A column as an expression: quoted where its name needs it. */
export function asExpression(column: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(column) ? column : `"${column.replaceAll('"', '""')}"`;
}

/** Names that mean the same however they are written: `firstName`, `first_name`, `First Name`. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Target fields that have no expression yet and a model's column of the same name. */
export function suggestions(fields: Field[], columns: Column[], target: Column[]): Field[] {
  const mapped = new Set(fields.map(({ name }) => name));
  const wanted = target.length > 0 ? target : columns;
  return wanted
    .filter(({ name }) => !mapped.has(name))
    .flatMap(({ name }) => {
      const column =
        columns.find((one) => one.name === name) ??
        columns.find((one) => plainName(one.name) === plainName(name));
      return column ? [{ name, value: asExpression(column.name) }] : [];
    });
}

/** Whether the target does not take a record without this field. */
export function isRequired(column: Schemas['ColumnView'] | Column): boolean {
  return column.nullable === false;
}

/** Target fields that have to be given and are not. */
export function missing(fields: Field[], target: Column[]): Column[] {
  const mapped = new Set(fields.map(({ name }) => name));
  return target.filter((column) => isRequired(column) && !mapped.has(column.name));
}
