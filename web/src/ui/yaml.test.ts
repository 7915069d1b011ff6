import { describe, expect, it } from 'vitest';
import { changed, lineAt, ordered, pathOf, read, renamed, write } from './yaml';

const TEXT = `# what is read
model:
  table: customers # all of them
  key: id
unheard_of: { keep: me }
mapping:
  b: lower(b)
  a: a
`;

describe('YAML of a definition', () => {
  it('keeps comments and keys that it does not know when one value is changed', () => {
    const text = changed(TEXT, ['model', 'key'], ['id', 'region']);
    expect(text).toContain('# what is read');
    expect(text).toContain('# all of them');
    expect(read(text).value).toEqual({
      model: { table: 'customers', key: ['id', 'region'] },
      unheard_of: { keep: 'me' },
      mapping: { b: 'lower(b)', a: 'a' },
    });
  });

  it('takes out what is not given any more, and mappings that are empty then', () => {
    const text = changed('schedule:\n  every: 15m\ntags: [x]\n', ['schedule', 'every'], undefined);
    expect(read(text).value).toEqual({ tags: ['x'] });
    expect(changed('tags: [x]\n', ['tags'], undefined)).toBe('');
  });

  it('opens what is missing on the way', () => {
    expect(read(changed('', ['to', 'object'], 'contact')).value).toEqual({ to: { object: 'contact' } });
    expect(read(changed('to:\n', ['to', 'object'], 'contact')).value).toEqual({ to: { object: 'contact' } });
  });

  it('reads numbers as the server does: fractions, long numbers and leading zeros stay texts', () => {
    expect(read('a: 12.50\nb: 007\nc: 500\nd: 12345678901234567890\ne: yes\nf: true\n').value).toEqual({
      a: '12.50',
      b: '007',
      c: 500,
      d: '12345678901234567890',
      e: 'yes',
      f: true,
    });
  });

  it('writes texts so that they are texts again', () => {
    const value = { a: '12', b: 'true', c: '007', d: "'active'", e: 'null', f: 'x: y # z', g: 500, h: '1.5' };
    expect(read(write(value)).value).toEqual(value);
  });

  it('says at which line it cannot be read', () => {
    const { value, problems } = read('model:\n  key: id\n  key: [\n');
    expect(value).toBeUndefined();
    expect(problems.map(({ line }) => line)).toContain(3);
    expect(read('- a\n').value).toBeUndefined();
  });

  it('finds the line of a path, or of what is around it', () => {
    expect(lineAt(TEXT, ['mapping', 'a'])).toBe(8);
    expect(lineAt(TEXT, ['model', 'missing'])).toBe(2);
    expect(lineAt(TEXT, [])).toBe(1);
  });

  it('orders and renames keys of a mapping where they stand', () => {
    const sorted = ordered(TEXT, ['mapping'], ['a', 'b']);
    expect(Object.keys(read(sorted).value?.mapping as object)).toEqual(['a', 'b']);
    const other = renamed(TEXT, ['mapping'], 'b', 'email');
    expect(read(other).value?.mapping).toEqual({ email: 'lower(b)', a: 'a' });
    expect(renamed(TEXT, ['mapping'], 'b', 'a')).toBe(TEXT);
  });

  it('reads pointers with their escapes', () => {
    expect(pathOf('/definition/mapping/a~1b~0c', '/definition')).toEqual(['mapping', 'a/b~c']);
    expect(pathOf('/definition', '/definition')).toEqual([]);
    expect(pathOf('/instance', '/definition')).toBeUndefined();
  });
});
