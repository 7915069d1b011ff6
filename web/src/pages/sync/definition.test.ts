import { expect, test } from 'vitest';
import { at, mappedFields, modelOf, words } from './definition';

const definition = {
  model: { sql: 'select 1', key: ['country', 'id'] },
  to: { object: 'contact', match: ['country', 'external_id'] },
  mapping: {
    external_id: 'id',
    phone: { value: 'phone', write: 'if_empty', nulls: 'skip' },
    source: 7,
  },
};

test('each field of a mapping is told with its rules', () => {
  expect(mappedFields(definition)).toEqual([
    { field: 'external_id', expression: 'id', isMatch: true, write: undefined, nulls: undefined },
    { field: 'phone', expression: 'phone', isMatch: false, write: 'if_empty', nulls: 'skip' },
    { field: 'source', expression: '7', isMatch: false, write: undefined, nulls: undefined },
  ]);
});

test('no mapping is not an empty one', () => {
  expect(mappedFields({})).toBeUndefined();
  expect(mappedFields({ mapping: {} })).toEqual([]);
});

test('lists and mappings are told in one line', () => {
  expect(words(at(definition, 'model.key'))).toBe('country, id');
  expect(words({ flag: { field: 'deleted_at', value: 'now' } })).toBe('flag: field: deleted_at, value: now');
  expect(words(at(definition, 'model.cursor.deeper'))).toBeUndefined();
});

test('a model is told by its kind', () => {
  expect(modelOf(definition)).toEqual({ kind: 'sql', text: 'select 1' });
  expect(modelOf({ model: { key: 'id' } })).toBeUndefined();
});

test('durations and limits of a definition as runs take it are told as people write them', () => {
  expect(words({ secs: 600, nanos: 0 })).toBe('10m');
  expect(words({ percent: 10 })).toBe('10 %');
  expect(words({ count: 5_000 })).toBe('5,000');
  expect(words([])).toBeUndefined();
});
