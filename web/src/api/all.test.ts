import { describe, expect, test } from 'vitest';
import { readAll } from './all';

/** A list of `total` items, which says on which pages it was read. */
function list(total: number) {
  const read: number[] = [];
  const page = async (number: number) => {
    read.push(number);
    const from = (number - 1) * 200;
    const length = Math.max(0, Math.min(200, total - from));
    const data = Array.from({ length }, (_, n) => ({ id: `shop.s${from + n}` }));
    return { data, pagination: { page: number, per_page: 200, total } };
  };
  return { page, read };
}

describe('all of a list', () => {
  test('is one page where that is enough', async () => {
    const { page, read } = list(200);
    const { items, cut } = await readAll(page);
    expect(items).toHaveLength(200);
    expect(cut).toBeUndefined();
    expect(read).toEqual([1]);
  });

  test('is put together from its pages, in order', async () => {
    const { page, read } = list(1_201);
    const { items } = await readAll(page);
    expect(items.map(({ id }) => id)).toEqual(Array.from({ length: 1_201 }, (_, n) => `shop.s${n}`));
    expect(read).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('ends at ten thousand, and says so', async () => {
    const { page, read } = list(12_345);
    const { items, cut } = await readAll(page);
    expect(items).toHaveLength(10_000);
    expect(cut).toEqual({ first: 10_000, of: 12_345 });
    expect(read.at(-1)).toBe(50);
    expect((await readAll(list(10_000).page)).cut).toBeUndefined();
  });

  test('has nothing twice when something moves to the next page meanwhile', async () => {
    const { page } = list(300);
    const moved = async (number: number) => {
      const answer = await page(number);
      return number === 2 ? { ...answer, data: [{ id: 'shop.s199' }, ...answer.data] } : answer;
    };
    expect((await readAll(moved)).items).toHaveLength(300);
  });

  test('tells groups of dead letters apart by their error and their sync', async () => {
    const groups = [
      { fingerprint: 'f1', sync_id: 'shop.a' },
      { fingerprint: 'f1', sync_id: 'shop.b' },
      { fingerprint: 'f2', sync_id: 'shop.a' },
    ];
    const pagination = { page: 1, per_page: 200, total: groups.length };
    expect((await readAll(async () => ({ data: groups, pagination }))).items).toEqual(groups);
  });

  test('fails as a whole when a page does', async () => {
    const { page } = list(500);
    const broken = (number: number) => (number === 3 ? Promise.reject(new Error('gone')) : page(number));
    await expect(readAll(broken)).rejects.toThrow('gone');
  });
});
