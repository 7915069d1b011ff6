import { expect, test } from 'vitest';
import { firstOf, narrowed } from './narrow';

/** What is offered of `n` syncs when `search` is written. */
function offered(n: number, search: string, of?: string): string[] {
  const options = Array.from({ length: n }, (_, at) => ({
    value: `s${at}`,
    label: `shop.s${at}`,
    disabled: false,
  }));
  return narrowed(of)({ options, search, limit: Number.POSITIVE_INFINITY }).map((option) =>
    'label' in option ? option.label : '',
  );
}

const OF = firstOf({ first: 10_000, of: 12_345 }, 'sync');

test('all choices are shown, without a word', () => {
  expect(offered(200, '')).toHaveLength(200);
  expect(offered(200, '').at(-1)).toBe('shop.s199');
  expect(offered(200, ' SHOP.s7 ')).toEqual([
    'shop.s7',
    ...Array.from({ length: 10 }, (_, n) => `shop.s7${n}`),
  ]);
  expect(offered(3, 'none')).toEqual([]);
});

test('how many more there are than are shown is said last', () => {
  expect(offered(1_230, '')).toHaveLength(201);
  expect(offered(1_230, '').at(-1)).toBe('1,030 more: write to find them');
});

test('a list that was cut off says so, whatever is found in it', () => {
  expect(offered(10_000, '', OF).at(-1)).toBe(
    '9,800 more of the first 10,000 of 12,345 syncs: write to find them',
  );
  expect(offered(10_000, 's9999', OF)).toEqual([
    'shop.s9999',
    'Only the first 10,000 of 12,345 syncs are looked at',
  ]);
  expect(offered(10_000, 'beyond', OF)).toEqual([
    'There is none like that among the first 10,000 of 12,345 syncs',
  ]);
});
