import { expect, it } from 'vitest';
import { labelOf, optionNamed, optionsOf, readable, schemaAt } from './options';

const SCHEMA = {
  type: 'object',
  required: ['path'],
  properties: {
    path: { type: 'string', description: 'The file.', 'x-path': true },
    password: { type: ['string', 'null'], writeOnly: true },
    ssl_mode: { anyOf: [{ $ref: '#/$defs/Mode' }, { type: 'null' }], default: 'prefer' },
    create: { type: 'boolean', default: false },
    limit: { anyOf: [{ const: 'off' }, { type: 'null' }, { type: ['integer', 'string'] }], examples: [5000] },
    port: { type: ['integer', 'null'], minimum: 0, maximum: 65535 },
    tags: { type: ['array', 'null'], items: { type: 'string' } },
    field: { anyOf: [{ type: 'string' }, { $ref: '#/$defs/Guards' }] },
    guards: { anyOf: [{ $ref: '#/$defs/Guards' }, { type: 'null' }] },
  },
  $defs: {
    Mode: {
      oneOf: [
        { type: 'string', const: 'disable', description: 'Never encrypted.' },
        { type: 'string', const: 'prefer', description: 'When offered.' },
      ],
    },
    Guards: { type: 'object', properties: { max: { type: 'string' } } },
  },
};

it('reads what kind of value each key takes', () => {
  const kinds = Object.fromEntries(optionsOf(SCHEMA).map(({ name, kind }) => [name, kind]));
  expect(kinds).toEqual({
    path: 'text',
    password: 'text',
    ssl_mode: 'choice',
    create: 'yes_no',
    limit: 'text',
    port: 'number',
    tags: 'list',
    field: 'text',
    guards: 'other',
  });
});

it('knows what is required, secret, a path, and what the choices mean', () => {
  const [path, password, mode] = optionsOf(SCHEMA);
  expect(path).toMatchObject({ required: true, path: true, help: 'The file.' });
  expect(password).toMatchObject({ required: false, secret: true });
  expect(mode?.choices).toEqual([
    { value: 'disable', help: 'Never encrypted.' },
    { value: 'prefer', help: 'When offered.' },
  ]);
});

it('follows references on the way to a key', () => {
  expect(optionNamed(schemaAt(SCHEMA, ['guards']), 'max', SCHEMA).kind).toBe('text');
  expect(optionNamed(schemaAt(SCHEMA, ['field']), 'max', SCHEMA).kind).toBe('text');
  expect(optionNamed(SCHEMA, 'limit').example).toBe('5000');
});

it('writes names and sizes of time for people', () => {
  expect(labelOf('ssl_root_cert')).toBe('SSL root cert');
  expect(readable('PT1M30S')).toBe('1m30s');
  expect(readable('10%')).toBe('10%');
});
