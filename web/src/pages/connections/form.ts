import { ApiError } from '../../api/client';
import type { Schemas } from '../../api/types';

export type Document = Record<string, unknown>;

/** A connection as a form has it. */
export interface Draft {
  name: string;
  document: Document;
}

/** The draft with one option set, or taken out. */
export function withOption(draft: Draft, name: string, value: unknown): Draft {
  const document = { ...draft.document };
  if (value === undefined) delete document[name];
  else document[name] = value;
  return { ...draft, document };
}

/** What is sent: secrets that are stored and were not given again are null, which keeps them. */
export function sent(draft: Draft, stored: string[]): Document {
  const document = { ...draft.document };
  for (const pointer of stored) {
    const name = pointer.slice(1);
    if (!name.includes('/') && document[name] === undefined) document[name] = null;
  }
  return document;
}

/** Errors of an answer, by the option they are about; the others are left to be shown as a whole. */
export function errorsOf(error: unknown): { fields: Record<string, string>; rest: unknown } {
  if (!(error instanceof ApiError)) return { fields: {}, rest: error };
  const fields: Record<string, string> = {};
  const items = error.problem.errors ?? [];
  for (const item of items) {
    const name = placeOf(item);
    if (name) fields[name] = [item.message, item.help].filter(Boolean).join('; ');
  }
  const isAllPlaced = items.length > 0 && items.every((item) => placeOf(item) !== undefined);
  return { fields, rest: isAllPlaced ? undefined : error };
}

function placeOf({ at }: Schemas['ProblemItem']): string | undefined {
  if (at === '/name') return 'name';
  return /^\/document\/([^/]+)/.exec(at ?? '')?.[1];
}
