import { oneOf, page, text } from '../search';

type Raw = Record<string, unknown>;

/** What an address says about which runs are listed. Several values of one kind are written `a,b`. */
export interface RunSearch {
  status?: string;
  type?: string;
  trigger?: string;
  sync?: string;
  /** A run id or correlation id. */
  q?: string;
  /** `24h` and the like back from now, or a moment. */
  since?: string;
  until?: string;
  /** The part of time is that of their end instead of that of their making. */
  by?: 'end';
  page?: number;
}

export function runSearch(raw: Raw): RunSearch {
  return {
    status: text(raw, 'status'),
    type: text(raw, 'type'),
    trigger: text(raw, 'trigger'),
    sync: text(raw, 'sync'),
    q: text(raw, 'q'),
    since: text(raw, 'since'),
    until: text(raw, 'until'),
    by: oneOf(raw, 'by', ['end'] as const),
    page: page(raw),
  };
}

/** Whether anything but the page is asked for. */
export function isFiltered(search: RunSearch): boolean {
  const { status, type, trigger, sync, q, since, until } = search;
  return [status, type, trigger, sync, q, since, until].some((value) => value !== undefined);
}
