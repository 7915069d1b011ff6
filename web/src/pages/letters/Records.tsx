import { Button, Group, Text, Tooltip } from '@mantine/core';
import { IconFlag } from '@tabler/icons-react';
import { api } from '../../api/client';
import type { Letter } from '../../api/types';
import { counted } from '../../ui/format';
import { ErrorCode } from '../../ui/problem';
import { LetterState } from '../../ui/status';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { NoLetters } from './Groups';
import { LetterActions } from './LetterActions';
import classes from './letters.module.css';
import { lettersRoute } from './route';
import { queryOf } from './scope';
import { flag, stageWord } from './words';

const PER_PAGE = 50;

const COLUMNS: Column<Letter>[] = [
  {
    id: 'key',
    title: 'Key',
    always: true,
    cell: (letter) => <span className="mono">{letter.row_id}</span>,
  },
  {
    id: 'state',
    title: 'State',
    always: true,
    cell: (letter) => (
      <Group gap={6} wrap="nowrap">
        <LetterState state={letter.state} />
        {letter.flags.map((name) => (
          <Tooltip key={name} label={flag(name).word}>
            <IconFlag size={14} color="var(--state-partial)" aria-label={flag(name).word} />
          </Tooltip>
        ))}
        {letter.edited && (
          <Text span size="xs" c="dimmed">
            edited
          </Text>
        )}
      </Group>
    ),
  },
  {
    id: 'message',
    title: 'Error',
    cell: (letter) => (
      <Tooltip label={letter.message} multiline maw={480}>
        <span className={`${classes.clip} sentence`}>{letter.message}</span>
      </Tooltip>
    ),
  },
  {
    id: 'field',
    wide: true,
    title: 'Field',
    cell: (letter) => <span className="mono">{letter.field ?? '–'}</span>,
  },
  {
    id: 'value',
    wide: true,
    title: 'Value',
    cell: (letter) => <span className={`mono ${classes.short}`}>{letter.raw_value ?? '–'}</span>,
  },
  { id: 'code', title: 'Code', optional: true, cell: (letter) => <ErrorCode code={letter.code} /> },
  { id: 'stage', title: 'Stage', optional: true, cell: (letter) => stageWord(letter.stage) },
  { id: 'sync', wide: true, title: 'Sync', cell: (letter) => letter.sync_id },
  { id: 'attempts', wide: true, title: 'Attempts', figure: true, cell: (letter) => letter.attempts },
  { id: 'first', title: 'First seen', optional: true, cell: (letter) => <Ago at={letter.first_seen_at} /> },
  { id: 'last', title: 'Last seen', cell: (letter) => <Ago at={letter.last_seen_at} /> },
];

/** Letters one by one; some can be chosen, to do the same to all of them. */
export function Records({
  chosen,
  choose,
}: {
  chosen: ReadonlySet<string>;
  choose: (ids: Set<string>) => void;
}) {
  const search = lettersRoute.useSearch();
  const navigate = lettersRoute.useNavigate();
  const letters = api.useQuery('get', '/api/v1/dead-letters', {
    params: { query: { ...queryOf(search), page: search.page, per_page: PER_PAGE } },
  });
  return (
    <>
      {chosen.size > 0 && (
        <Group
          justify="space-between"
          px="md"
          py={6}
          style={{ background: 'var(--surface-sunken)', borderBottom: '1px solid var(--line)' }}
        >
          <Group gap="xs">
            <Text size="sm" fw={600} className="num" role="status">
              {counted(chosen.size, 'record')} chosen
            </Text>
            <Button variant="subtle" color="gray" size="compact-xs" onClick={() => choose(new Set())}>
              Choose none
            </Button>
          </Group>
          <LetterActions scope={{ ids: [...chosen] }} done={() => choose(new Set())} />
        </Group>
      )}
      <DataTable
        name="letters"
        label="Dead letters"
        columns={COLUMNS}
        rows={letters.data?.data}
        keyOf={(letter) => letter.id}
        href={(letter) => ({ to: '/dead-letters/$letterId', params: { letterId: letter.id } })}
        selection={{ chosen, choose, nameOf: (letter) => `the record ${letter.row_id}` }}
        error={letters.error}
        retry={() => void letters.refetch()}
        empty={<NoLetters />}
      />
      <Pager
        pagination={letters.data?.pagination}
        onPage={(page) => void navigate({ search: { ...search, page } })}
      />
    </>
  );
}
