import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconDownload } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import { ApiError, api, client } from '../../api/client';
import { useMay } from '../../api/session';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Conflict, ifMatch } from '../../ui/origin';
import { ProblemList, ProblemNote } from '../../ui/problem';
import { tellDone, tellProblem } from '../../ui/tell';
import { lineAt, type Mapping, pathOf, read, write } from '../../ui/yaml';

const CodeEditor = lazy(() => import('../../ui/code'));

type Instance = Schemas['InstanceView'];

/** An instance as a file of `syncs/` has it: to be copied into a project, and to be changed as a whole. */
export function InstanceYaml({ instance }: { instance: Instance }) {
  // What the change is based on stays, also when somebody else saves another version meanwhile.
  const [base, setBase] = useState(instance);
  const { name, origin, document } = base;
  const canWrite = useMay('admin') && origin.kind === 'api';
  const [text, setText] = useState(() => write(document));
  const { value, problems: unreadable } = useMemo(() => read(text), [text]);
  const found = useProblems(canWrite ? value : undefined);
  const save = api.useMutation('put', '/api/v1/instances/{name}', {
    onSuccess: (saved) => {
      setBase(saved.instance);
      setText(write(saved.instance.document));
      tellDone(`The instance ${name} is saved.`);
    },
  });
  const problems = [
    ...unreadable,
    ...found.map((problem) => ({
      line: lineAt(text, pathOf(problem.at ?? '', '/document') ?? []),
      message: [problem.message, problem.help].filter(Boolean).join('; '),
      warning: problem.warning,
    })),
  ];
  const isChanged = text !== write(document);
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {canWrite
            ? 'All of it, with settings for every sync in defaults. Syncs that are taken out do not run any more.'
            : 'As it stands in a project.'}
        </Text>
        <Download name={name} />
      </Group>
      <Suspense fallback={<Skeleton height={360} />}>
        <CodeEditor
          label={`YAML of ${name}`}
          language="yaml"
          value={text}
          onChange={canWrite ? setText : undefined}
          problems={problems}
          minHeight={320}
        />
      </Suspense>
      {isChanged && <ProblemList problems={found} title="This cannot be saved yet" />}
      {save.error instanceof ApiError && save.error.problem.status === 412 ? (
        <Conflict what="instance" />
      ) : save.error ? (
        <ProblemNote error={save.error} />
      ) : null}
      {origin.kind === 'api' && (
        <Group>
          <Allowed role="admin">
            {(disabled) => (
              <Button
                disabled={disabled || !isChanged || !value}
                loading={save.isPending}
                onClick={() =>
                  value &&
                  save.mutate({
                    params: { path: { name }, header: ifMatch(origin) },
                    body: { document: value, seed: false },
                  })
                }
              >
                Save
              </Button>
            )}
          </Allowed>
          {isChanged && (
            <Button variant="default" onClick={() => setText(write(document))}>
              Undo changes
            </Button>
          )}
        </Group>
      )}
    </Stack>
  );
}

/** What the server says about a document that is not kept yet. */
function useProblems(document: Mapping | undefined): Schemas['ProblemItem'][] {
  const [settled] = useDebouncedValue(document, 300);
  const checked = useQuery<Schemas['Validation'] | null>({
    queryKey: ['validated instance', settled],
    enabled: settled !== undefined,
    gcTime: 0,
    queryFn: async ({ signal }) =>
      (await client.POST('/api/v1/syncs/validate', { body: { document: settled }, signal })).data ?? null,
    placeholderData: keepPreviousData,
  });
  return checked.data?.problems ?? [];
}

function Download({ name }: { name: string }) {
  async function download() {
    try {
      const { data } = await client.GET('/api/v1/instances/{name}/export', {
        params: { path: { name } },
        parseAs: 'text',
      });
      const link = window.document.createElement('a');
      link.href = URL.createObjectURL(new Blob([data ?? ''], { type: 'application/yaml' }));
      link.download = `${name}.yaml`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      tellProblem(`${name} was not exported`, error);
    }
  }
  return (
    <Button variant="default" leftSection={<IconDownload size={16} />} onClick={() => void download()}>
      Export {name}.yaml
    </Button>
  );
}
