import { Button, Group, SegmentedControl, Skeleton, Stack, Text } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { api } from '../../api/client';
import type { Letter } from '../../api/types';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { FieldForm } from './FieldForm';
import { changes, type Fields, faults, fieldsOf, parsed } from './payload';

const CodeEditor = lazy(() => import('../../ui/code'));

/** Corrects what is sent in place of a letter's payload, field by field or as JSON. */
export function EditPayload({ letter, close }: { letter: Letter; close: () => void }) {
  const before = fieldsOf(letter.edited?.payload) ?? fieldsOf(letter.payload) ?? {};
  const [way, setWay] = useState<'form' | 'json'>('form');
  const [draft, setDraft] = useState<Fields>(before);
  const [text, setText] = useState('');
  const edit = api.useMutation('patch', '/api/v1/dead-letters/{letter_id}', {
    onSuccess: (answer) => {
      tellDone(
        answer.edited ? 'The payload was edited. A replay as edited sends it.' : 'The edit was taken back.',
      );
      close();
    },
  });
  const params = { path: { letter_id: letter.id } };
  const read = way === 'json' ? parsed(text, before) : { draft };
  const changed = 'draft' in read ? changes(read.draft, before) : {};
  const problem = 'message' in read ? read : undefined;
  const found = faults(edit.error, Object.keys(draft));

  function show(to: 'form' | 'json') {
    if (to === 'json') setText(JSON.stringify(draft, null, 2));
    else if ('draft' in read) setDraft(read.draft);
    setWay(to);
  }

  return (
    <Panel
      title="Edit payload"
      about="Kept beside what was captured, as long as the source row stays as it is."
      actions={
        <SegmentedControl
          aria-label="How it is edited"
          value={way}
          disabled={problem !== undefined}
          onChange={(to) => show(to === 'json' ? 'json' : 'form')}
          data={[
            { value: 'form', label: 'Fields' },
            { value: 'json', label: 'JSON' },
          ]}
        />
      }
    >
      <Stack gap="sm">
        {way === 'form' ? (
          <FieldForm before={before} draft={draft} change={setDraft} faults={found} failed={letter.field} />
        ) : (
          <Suspense fallback={<Skeleton height={280} />}>
            <CodeEditor
              label="Payload as JSON"
              language="json"
              value={text}
              onChange={setText}
              problems={problem ? [problem] : undefined}
              minHeight={280}
            />
          </Suspense>
        )}
        {problem && (
          <Text size="sm" c="var(--state-failed)" role="alert">
            Line {problem.line}: {problem.message}
          </Text>
        )}
        {edit.error && (way === 'json' || Object.keys(found).length === 0) ? (
          <ProblemNote error={edit.error} />
        ) : null}
        <Group justify="space-between">
          <div>
            {letter.edited && (
              <Button
                variant="subtle"
                color="red"
                onClick={() => edit.mutate({ params, body: { payload: null } })}
              >
                Take the edit back
              </Button>
            )}
          </div>
          <Group gap="xs">
            <Text size="sm" c="dimmed" className="num" role="status">
              {counted(Object.keys(changed).length, 'field')} changed
            </Text>
            <Button variant="default" onClick={close}>
              Discard
            </Button>
            <Button
              disabled={problem !== undefined || Object.keys(changed).length === 0}
              loading={edit.isPending}
              onClick={() => edit.mutate({ params, body: { payload: changed } })}
            >
              Save
            </Button>
          </Group>
        </Group>
      </Stack>
    </Panel>
  );
}
