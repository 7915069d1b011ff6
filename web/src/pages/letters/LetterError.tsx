import { Alert, Group, Stack, Text } from '@mantine/core';
import { IconCircleCheck, IconCircleX, IconFlag, IconPoint } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { Letter } from '../../api/types';
import { Facts } from '../../ui/facts';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ErrorCode } from '../../ui/problem';
import classes from './letters.module.css';
import { flag, STAGE_ABOUT, STAGES, stageWord } from './words';

/** Why the record could not be delivered, how far it came, and who shares its error. */
export function LetterError({ letter }: { letter: Letter }) {
  return (
    <Panel title="Error">
      <Stack gap="sm">
        <p className={`${classes.sentence} sentence`}>
          {letter.message} <ErrorCode code={letter.code} />
        </p>
        <Facts
          of={{
            Field: letter.field && <span className="mono">{letter.field}</span>,
            Value: letter.raw_value && <span className="mono">{letter.raw_value}</span>,
          }}
        />
        <Stages at={letter.stage} />
        <SameError letter={letter} />
        {letter.flags.map((name) => (
          <Alert key={name} icon={<IconFlag />} color="yellow" variant="outline" title={flag(name).word}>
            <Text size="sm">{flag(name).about}</Text>
          </Alert>
        ))}
      </Stack>
    </Panel>
  );
}

/** The five stages of a record, and the one that failed. */
function Stages({ at }: { at: string }) {
  const failed = (STAGES as readonly string[]).indexOf(at);
  return (
    <div>
      <ol className={classes.stages} aria-label="Stages of a record">
        {STAGES.map((stage, n) => (
          <li key={stage} aria-current={n === failed ? 'step' : undefined}>
            {n < failed && <IconCircleCheck size={15} color="var(--state-completed)" aria-label="done" />}
            {n === failed && <IconCircleX size={15} color="var(--state-failed)" aria-label="failed" />}
            {n > failed && <IconPoint size={15} color="var(--state-muted)" aria-label="not reached" />}
            {stageWord(stage)}
          </li>
        ))}
      </ol>
      <Text size="sm" c="dimmed" mt={2}>
        {STAGE_ABOUT[at]}
      </Text>
    </div>
  );
}

function SameError({ letter }: { letter: Letter }) {
  const total = api.useQuery('get', '/api/v1/dead-letters', {
    params: {
      query: {
        fingerprint: letter.fingerprint,
        sync_id: letter.sync_id,
        state: 'open,replaying',
        per_page: 1,
      },
    },
  }).data?.pagination.total;
  const others = (total ?? 0) - (letter.state === 'open' || letter.state === 'replaying' ? 1 : 0);
  return (
    <Group gap={4} mih={20}>
      {others > 0 ? (
        <Link
          className="link"
          style={{ fontSize: '0.8125rem' }}
          to="/dead-letters"
          search={{ view: 'records', fingerprint: letter.fingerprint, sync: letter.sync_id }}
        >
          {counted(others, 'other record')} with this error
        </Link>
      ) : (
        <Text size="sm" c="dimmed">
          {total === undefined ? '' : 'No other record waits with this error.'}
        </Text>
      )}
    </Group>
  );
}
