import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, client } from '../../api/client';
import type { Schemas } from '../../api/types';
import { meant, unfilled } from './draft';

/** What the server is asked about, with answers that go with it. */
export type Draft = Schemas['Draft'];

/** How long nobody has to type before the server is asked, in milliseconds. */
const VALIDATE_AFTER = 300;
const PREVIEW_AFTER = 600;
/** Source rows that are previewed. */
const PREVIEWED = 10;
/** Objects that are offered at once. */
const OFFERED = 100;

/** Everything that is wrong with a definition as it is written. */
export function useValidation(draft: Draft | undefined) {
  const [settled] = useDebouncedValue(draft, VALIDATE_AFTER);
  return useQuery<Schemas['Validation'] | null>({
    // Not a path: events must not ask again for what only depends on what is written.
    queryKey: ['validated sync', settled],
    enabled: settled !== undefined,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (await client.POST('/api/v1/syncs/validate', { body: settled ?? {}, signal })).data ?? null,
  });
}

/** The parts of a definition that decide what is read and sent. */
const DATA_KEYS = [
  'model',
  'to',
  'mapping',
  'exclude',
  'excluded_keys',
  'write_mode',
  'duplicates',
  'on_removed',
];

/** What is read and sent, once nobody has typed for a while and enough is filled in to ask about it. */
function useSettled(draft: Draft | undefined): {
  body: Draft | undefined;
  text: string;
  isSettling: boolean;
} {
  const text = useMemo(() => {
    if (!draft) return '';
    const whole = draft.definition ?? {};
    const keys = DATA_KEYS.filter((key) => key in whole);
    return JSON.stringify({ ...draft, definition: Object.fromEntries(keys.map((key) => [key, whole[key]])) });
  }, [draft]);
  const [settled] = useDebouncedValue(text, PREVIEW_AFTER);
  const body = useMemo(() => {
    if (settled === '') return undefined;
    const asked = JSON.parse(settled) as Draft;
    return unfilled(asked.definition ?? {}).length === 0 ? asked : undefined;
  }, [settled]);
  return { body, text: settled, isSettling: text !== settled };
}

/** The first rows of the model beside what would be sent, and what a check of both ends finds. */
export function useTrial(draft: Draft | undefined) {
  const { body, text, isSettling } = useSettled(draft);
  const shared = {
    enabled: body !== undefined,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    placeholderData: keepPreviousData,
  };
  const preview = useQuery<Schemas['PreviewView'] | null>({
    ...shared,
    queryKey: ['previewed sync', text],
    queryFn: async ({ signal }) =>
      (await client.POST('/api/v1/syncs/preview', { body: { draft: body ?? {}, limit: PREVIEWED }, signal }))
        .data ?? null,
  });
  const check = useQuery<Schemas['SyncCheck'] | null>({
    ...shared,
    queryKey: ['checked sync', text],
    queryFn: async ({ signal }) =>
      (await client.POST('/api/v1/syncs/check', { body: { draft: body ?? {} }, signal })).data ?? null,
  });
  return {
    preview: { ...preview, isComplete: body !== undefined, isSettling: isSettling || preview.isFetching },
    check: check.error || body === undefined ? undefined : (check.data ?? undefined),
  };
}

export type Trial = ReturnType<typeof useTrial>;

/** Tables, views or files that a connection offers whose names hold a text. */
export function useStreams(connection: string, search: string, enabled: boolean) {
  const [settled] = useDebouncedValue(search, 250);
  return useQuery<Schemas['Discovery'] | null>({
    queryKey: ['offered objects', connection, settled],
    enabled: enabled && connection !== '',
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (
        await client.POST('/api/v1/connections/{name}/discover', {
          params: { path: { name: connection } },
          body: { search: settled || null, limit: OFFERED },
          signal,
        })
      ).data ?? null,
  });
}

/** One object that a connection offers, with its columns. */
export function useStream(connection: string, name: string, enabled: boolean) {
  const found = useStreams(connection, name, enabled && name !== '');
  const stream = meant(found.data?.streams ?? [], name);
  return { stream, error: found.error, isLoading: found.isLoading };
}

export function useConnection(name: string) {
  return api.useQuery(
    'get',
    '/api/v1/connections/{name}',
    { params: { path: { name } } },
    { enabled: name !== '' },
  ).data;
}

/** JSON Schema of an instance's file; it changes only with the program. */
export function useInstanceSchema() {
  return api.useQuery(
    'get',
    '/api/v1/schemas/{document}',
    { params: { path: { document: 'instance' } } },
    { staleTime: Number.POSITIVE_INFINITY },
  );
}

/** What a schedule means, in words and times. */
export function useSchedulePreview(schedule: Record<string, unknown> | undefined) {
  const [settled] = useDebouncedValue(schedule && JSON.stringify(schedule), VALIDATE_AFTER);
  return useQuery<Schemas['SchedulePreview'] | null>({
    queryKey: ['previewed schedule', settled],
    enabled: settled !== undefined,
    retry: false,
    queryFn: async ({ signal }) =>
      (
        await client.POST('/api/v1/schedules/preview', {
          body: { schedule: JSON.parse(settled ?? '{}'), count: 5 },
          signal,
        })
      ).data ?? null,
  });
}
