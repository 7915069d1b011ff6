import { useQuery } from '@tanstack/react-query';
import { client } from './client';
import type { Pagination, paths } from './types';

/** The most that a list answers at once. */
const PER_PAGE = 200;
/** Longer lists are cut off here: a page that holds more would be of no use. Whoever shows one says so. */
const MOST = 10_000;
/** Pages that are asked for at a time. */
const AT_ONCE = 4;

type ListPath =
  | '/api/v1/syncs'
  | '/api/v1/instances'
  | '/api/v1/connections'
  | '/api/v1/notifications'
  | '/api/v1/dead-letters/groups'
  | '/api/v1/trends';
type Query<P extends ListPath> = Omit<
  NonNullable<paths[P]['get']['parameters']['query']>,
  'page' | 'per_page'
>;
type Item<P extends ListPath> =
  paths[P]['get']['responses'][200]['content']['application/json']['data'][number];

interface Options {
  enabled?: boolean;
  /** Only what definitions say is looked at: it is not read again with each run, only with the project. */
  defined?: boolean;
}

/** Where the key of a query says that only definitions are looked at. */
export const DEFINED = 'defined';

/** Where a list was cut off. */
export interface Cut {
  /** How many of its items are here. */
  first: number;
  of: number;
}

/** The items of a list; of one that is too long, its first ones. */
interface All<T> {
  data: T[] | undefined;
  cut: Cut | undefined;
  error: unknown;
  isError: boolean;
  refetch: () => Promise<unknown>;
}

/** All of a list, page by page, where a choice or an order needs the whole of it. */
export function useAll<P extends ListPath>(
  path: P,
  query: Query<P> = {} as Query<P>,
  { enabled, defined }: Options = {},
): All<Item<P>> {
  const { data, error, isError, refetch } = useQuery({
    queryKey: ['get', path, defined ? DEFINED : 'all', query],
    queryFn: ({ signal }) =>
      readAll((page) => readPage(path, { ...query, page, per_page: PER_PAGE }, signal)),
    enabled,
  });
  return { data: data?.items, cut: data?.cut, error, isError, refetch };
}

async function readPage<P extends ListPath>(path: P, query: object, signal: AbortSignal) {
  // The paths are alike; their common type is more than the compiler works out.
  const { data } = await client.GET(path as '/api/v1/syncs', { params: { query }, signal });
  return data as unknown as Page<Item<P>>;
}

interface Page<T> {
  data: T[];
  pagination: Pagination;
}

/**
 * The pages of a list as one. Where something was added or removed while they were read, a page may repeat what
 * stood on the one before: it is left out.
 */
export async function readAll<T extends object>(
  read: (page: number) => Promise<Page<T>>,
): Promise<{ items: T[]; cut?: Cut }> {
  const first = await read(1);
  const { total } = first.pagination;
  const pages = Math.ceil(Math.min(total, MOST) / PER_PAGE);
  const found = new Map(first.data.map((item) => [nameOf(item), item]));
  for (let next = 2; next <= pages; next += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, pages - next + 1) }, (_, n) => next + n);
    for (const { data } of await Promise.all(numbers.map(read))) {
      for (const item of data) found.set(nameOf(item), item);
    }
  }
  const items = [...found.values()];
  return total > MOST ? { items, cut: { first: MOST, of: total } } : { items };
}

/** What tells the items of a list apart. */
function nameOf(item: object): string {
  const { id, name, fingerprint, sync_id } = item as Record<string, string | undefined>;
  // Groups of letters are of an error of a sync.
  return id ?? name ?? `${fingerprint ?? ''} ${sync_id ?? ''}`;
}
