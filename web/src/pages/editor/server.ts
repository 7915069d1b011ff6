import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, client } from '../../api/client';
import type { Schemas } from '../../api/types';
import type { Mapping } from '../../ui/yaml';
import { mappingAt, meant } from './draft';

/** What the server is asked about, with answers that go with it. */
export type Draft = Schemas['Draft'];

/** How long nobody has to type before the server is asked, in milliseconds. */
const VALIDATE_AFTER = 300;
const PREVIEW_AFTER = 600;
/** Source rows that are previewed. */
export const PREVIEWED = 10;
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

/** The parts of a definition that decide what a preview shows. */
const PREVIEW_KEYS = ['model', 'to', 'mapping', 'exclude', 'excluded_keys', 'write_mode', 'duplicates'];

/** The first rows of the model beside what would be sent. */
export function usePreview(draft: Draft | undefined) {
  const definition = draft?.definition;
  const asked = useMemo(
    () =>
      definition && {
        ...draft,
        definition: Object.fromEntries(
          PREVIEW_KEYS.flatMap((key) => (key in definition ? [[key, definition[key]]] : [])),
        ),
      },
    [draft, definition],
  );
  const text = asked === undefined ? undefined : JSON.stringify(asked);
  const [settled] = useDebouncedValue(text, PREVIEW_AFTER);
  const body = settled === undefined ? undefined : (JSON.parse(settled) as Draft);
  const isComplete = body !== undefined && isPreviewable(body.definition ?? {});
  const answer = useQuery<Schemas['PreviewView'] | null>({
    queryKey: ['previewed sync', settled],
    enabled: isComplete,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (await client.POST('/api/v1/syncs/preview', { body: { draft: body ?? {}, limit: PREVIEWED }, signal }))
        .data ?? null,
  });
  return { ...answer, isComplete, isSettling: text !== settled || answer.isFetching };
}

/** A preview needs something to read and its key; the rest it says itself. */
function isPreviewable(definition: Mapping): boolean {
  const { key, ...rest } = mappingAt(definition, 'model');
  const hasModel = ['table', 'sql', 'file'].some(
    (kind) => typeof rest[kind] === 'string' && rest[kind] !== '',
  );
  return hasModel && key !== undefined && mappingAt(definition, 'to').object !== undefined;
}

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
