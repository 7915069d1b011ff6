import { Button, Grid, Group, Stack, Text } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Letter } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { counted } from '../../ui/format';
import { Page, Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { LetterState } from '../../ui/status';
import { Ago } from '../../ui/time';
import { EditPayload } from './EditPayload';
import { LetterActions } from './LetterActions';
import { LetterError } from './LetterError';
import { LetterFacts } from './LetterFacts';
import { LetterHistory } from './LetterHistory';
import { LetterRecord } from './LetterRecord';
import { LetterSkeleton } from './LetterSkeleton';
import { ReplayRun } from './ReplayRuns';
import { letterRoute } from './route';
import { NEXT } from './words';

const CRUMBS = [{ label: 'Dead letters', to: '/dead-letters' as const }];

/** One record that could not be delivered: what it is, why, and what can be done. */
export function LetterPage() {
  const { letterId } = letterRoute.useParams();
  const [isEditing, setIsEditing] = useState(false);
  const letter = api.useQuery('get', '/api/v1/dead-letters/{letter_id}', {
    params: { path: { letter_id: letterId } },
  });
  if (!letter.data) {
    return (
      <Page title="Dead letter" crumbs={CRUMBS}>
        {letter.error ? (
          <ProblemNote error={letter.error} retry={() => void letter.refetch()} />
        ) : (
          <LetterSkeleton />
        )}
      </Page>
    );
  }
  const found = letter.data;
  const isWaiting = found.state === 'open' || found.state === 'ignored';
  return (
    <Page
      title={`${found.entity} ${found.row_id}`}
      mark={<LetterState state={found.state} />}
      about={<Verdict letter={found} />}
      crumbs={CRUMBS}
      actions={
        <Group gap="xs" wrap="nowrap">
          {isWaiting && (
            <Allowed role="operator">
              {(disabled) => (
                <Button
                  variant="default"
                  leftSection={<IconPencil size={14} aria-hidden />}
                  disabled={disabled || isEditing}
                  onClick={() => setIsEditing(true)}
                >
                  Edit payload
                </Button>
              )}
            </Allowed>
          )}
          <LetterActions
            scope={{ ids: [found.id] }}
            as={found.edited ? 'edited' : 'reread'}
            isShown={isWaiting}
          />
        </Group>
      }
    >
      {found.replayed_by && <ReplayRun runId={found.replayed_by} />}
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="md">
            <LetterError letter={found} />
            {isEditing && isWaiting ? (
              <EditPayload letter={found} close={() => setIsEditing(false)} />
            ) : (
              <LetterRecord letter={found} />
            )}
            <LetterHistory letter={found} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack gap="md">
            <LetterFacts letter={found} />
            <Panel title="What happens by itself">
              <Text size="sm">{NEXT[found.state]}</Text>
            </Panel>
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

/** What happened, in a sentence. */
function Verdict({ letter }: { letter: Letter }) {
  const what: Record<string, string> = {
    create: 'could not be created',
    update: 'could not be updated',
    append: 'could not be appended',
    delete: 'could not be deleted',
    clear: 'could not be cleared',
    flag: 'could not be flagged',
  };
  return (
    <>
      The record {what[letter.operation] ?? 'could not be prepared'} in {counted(letter.attempts, 'attempt')},
      the last <Ago at={letter.last_seen_at} />.
    </>
  );
}
