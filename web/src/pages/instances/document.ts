import { ApiError } from '../../api/client';

/** Errors of an answer about an instance's document, by its key; the others are left as a whole. */
export function errorsOf(error: unknown): { fields: Record<string, string>; rest: unknown } {
  if (!(error instanceof ApiError)) return { fields: {}, rest: error };
  const fields: Record<string, string> = {};
  for (const { at, message, help } of error.problem.errors ?? []) {
    const key = /^\/document\/(instance|source|target)$/.exec(at ?? '')?.[1];
    if (key) fields[key] = [message, help].filter(Boolean).join('; ');
  }
  const isAllPlaced = Object.keys(fields).length > 0;
  return { fields, rest: isAllPlaced ? undefined : error };
}
