import { CloseButton, Group, SegmentedControl, Text } from '@mantine/core';
import { useState } from 'react';
import { api } from '../../api/client';
import { counted } from '../../ui/format';
import { Page, Panel } from '../../ui/page';
import { ErrorCode } from '../../ui/problem';
import { Ago } from '../../ui/time';
import { ActiveReplays } from './ActiveReplays';
import { Filters } from './Filters';
import { Groups } from './Groups';
import { LetterActions } from './LetterActions';
import classes from './letters.module.css';
import { Records } from './Records';
import { lettersRoute } from './route';
import { type LettersSearch, queryOf, scopeOf } from './scope';
import { stageWord } from './words';

export function LettersPage() {
  const search = lettersRoute.useSearch();
  const navigate = lettersRoute.useNavigate();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const view = search.view ?? 'groups';
  const total = api.useQuery('get', '/api/v1/dead-letters', {
    params: { query: { ...queryOf(search), per_page: 1 } },
  }).data?.pagination.total;

  /** Other letters are shown, so those that were chosen may not be among them. */
  function change(to: Partial<LettersSearch>) {
    setChosen(new Set());
    void navigate({ search: { ...search, ...to, page: undefined } });
  }

  return (
    <Page
      title="Dead letter queue"
      about="Records that could not be delivered, until they are. They do not stop the others."
      actions={
        <LetterActions
          scope={scopeOf(search)}
          exported={scopeOf(search)}
          isShown={total !== undefined && total > 0}
          all
        />
      }
    >
      <ActiveReplays />
      <Panel pad={false}>
        <Group px="md" pt="sm" justify="space-between">
          <SegmentedControl
            aria-label="How they are shown"
            value={view}
            onChange={(to) =>
              change(to === 'records' ? { view: 'records' } : { view: undefined, fingerprint: undefined })
            }
            data={[
              { value: 'groups', label: 'By error' },
              { value: 'records', label: 'By record' },
            ]}
          />
          {total !== undefined && (
            <Text size="sm" c="dimmed" className="num">
              {counted(total, 'record')}
            </Text>
          )}
        </Group>
        <Filters value={search} change={change} />
        {search.fingerprint && (
          <OneError search={search} leave={() => change({ fingerprint: undefined, view: undefined })} />
        )}
        {view === 'groups' ? <Groups /> : <Records chosen={chosen} choose={setChosen} />}
      </Panel>
      <ByThemselves />
    </Page>
  );
}

/** Which error the shown letters have in common. */
function OneError({ search, leave }: { search: LettersSearch; leave: () => void }) {
  const group = api.useQuery('get', '/api/v1/dead-letters/groups', {
    params: { query: { ...queryOf(search), per_page: 1 } },
  }).data?.data[0];
  return (
    <Group
      px="md"
      py="xs"
      gap="md"
      wrap="nowrap"
      justify="space-between"
      style={{ borderBottom: '1px solid var(--line)', background: 'var(--surface-sunken)' }}
    >
      <Group gap="md" style={{ minWidth: 0 }}>
        <Text size="sm" fw={600} component="p" className={`${classes.sentence} sentence`}>
          {group ? group.message : 'Letters of one error'}
        </Text>
        {group && (
          <Text size="sm" c="dimmed" component="div">
            <ErrorCode code={group.code} />
            {group.field && (
              <>
                {' at '}
                <span className="mono">{group.field}</span>
              </>
            )}
            {`, stage ${stageWord(group.stage)}, ${group.sync_id}, first seen `}
            <Ago at={group.first_seen_at} />
            {', last '}
            <Ago at={group.last_seen_at} />
          </Text>
        )}
      </Group>
      <CloseButton size="sm" aria-label="Back to all errors" onClick={leave} />
    </Group>
  );
}

/** What happens to letters that nobody touches. */
function ByThemselves() {
  const facts: [string, string][] = [
    [
      'Tried again',
      'At once when the row or the mapping changes, otherwise after 1, 2, 4 … runs, at most a day.',
    ],
    [
      'Resolved by a later run',
      'As soon as one delivers the record, or there is nothing to deliver any more.',
    ],
    ['Never over newer data', 'A replay as captured is refused where something newer was delivered.'],
    ['Expired', 'What nobody settles within the retention goes; ignored letters stay, without their values.'],
  ];
  return (
    <Panel title="What happens by itself">
      <dl className={classes.facts}>
        {facts.map(([term, text]) => (
          <div key={term}>
            <Text component="dt" size="sm" fw={500}>
              {term}
            </Text>
            <Text component="dd" size="sm" c="dimmed" m={0}>
              {text}
            </Text>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
