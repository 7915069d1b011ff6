import { describe, expect, it } from 'vitest';
import {
  asExpression,
  fieldDocument,
  fieldsOf,
  meant,
  missing,
  modelKind,
  namesAt,
  oneOrMany,
  suggestions,
  unfilled,
} from './draft';

describe('a definition in the form', () => {
  it('reads fields with and without rules, and writes them as they were', () => {
    const value = { mapping: { a: 'lower(a)', b: { value: 'b', write: 'if_empty' }, c: 1, d: null } };
    const fields = fieldsOf(value);
    expect(fields.map(({ value }) => value)).toEqual(['lower(a)', 'b', '1', '']);
    expect(fields.slice(0, 2).map(fieldDocument)).toEqual(['lower(a)', { value: 'b', write: 'if_empty' }]);
    expect(fieldDocument({ value: 'x', write: 'always', nulls: 'write' })).toBe('x');
  });

  it('reads one name or several', () => {
    expect(namesAt({ key: 'id' }, 'key')).toEqual(['id']);
    expect(namesAt({ key: ['a', 'b'] }, 'key')).toEqual(['a', 'b']);
    expect(oneOrMany(['a'])).toBe('a');
    expect(oneOrMany([])).toBeUndefined();
    expect(modelKind({ key: 'id', sql: '' })).toBe('sql');
  });

  it('suggests columns of the same name, however it is written', () => {
    const columns = [{ name: 'id' }, { name: 'First Name' }, { name: 'email' }];
    const target = [{ name: 'first_name' }, { name: 'EMAIL' }, { name: 'tier' }];
    expect(suggestions([{ name: 'EMAIL', value: 'x' }], columns, target)).toEqual([
      { name: 'first_name', value: '"First Name"' },
    ]);
    expect(suggestions([], columns, []).map(({ name }) => name)).toEqual(['id', 'First Name', 'email']);
  });

  it('quotes columns whose names need it', () => {
    expect(asExpression('email')).toBe('email');
    expect(asExpression('a "b"')).toBe('"a ""b"""');
  });

  it('tells which required fields are not given', () => {
    const target = [
      { name: 'id', nullable: false },
      { name: 'note', nullable: true },
    ];
    expect(missing([], target).map(({ name }) => name)).toEqual(['id']);
    expect(missing([{ name: 'id', value: 'id' }], target)).toEqual([]);
  });

  it('says what is still to be filled in', () => {
    expect(unfilled({})).toEqual(['what is read', 'its key', 'the target']);
    expect(unfilled({ model: { table: 'a', key: 'id' }, to: { object: 'b' } })).toEqual([]);
  });

  it('finds the object that is meant by a name without its schema', () => {
    const objects = [{ name: 'sales.orders' }, { name: 'public.orders' }];
    expect(meant(objects, 'orders')?.name).toBe('public.orders');
    expect(meant(objects, 'sales.orders')?.name).toBe('sales.orders');
    expect(meant(objects, 'order')).toBeUndefined();
  });
});
