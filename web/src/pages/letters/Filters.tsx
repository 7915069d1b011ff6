import { Pill, Select, Tooltip } from '@mantine/core';
import { useAll } from '../../api/all';
import { ChoiceFilter, FilterBar, SearchFilter } from '../../ui/filters';
import { firstOf, narrowed } from '../../ui/narrow';
import { LETTER_STATES, letterStateWord } from '../../ui/status';
import { TimeFilter } from '../../ui/timefilter';
import { ANY_STATE, type LettersSearch, statesOf } from './scope';

/** What narrows the queue down; all of it stands in the address. */
export function Filters(props: { value: LettersSearch; change: (to: Partial<LettersSearch>) => void }) {
  const { value, change } = props;
  const syncs = useAll('/api/v1/syncs', {}, { defined: true });
  const groups = useAll('/api/v1/dead-letters/groups').data;
  const codes = [...new Set([...(groups ?? []).map((group) => group.code), value.code ?? ''])];
  const names = [...new Set([...(syncs.data ?? []).map((sync) => sync.id), value.sync ?? ''])];
  return (
    <FilterBar>
      <SearchFilter label="Key of a record" value={value.key} onChange={(key) => change({ key })} />
      <ChoiceFilter
        label="State"
        value={statesOf(value).join(',')}
        options={LETTER_STATES.map((state) => ({ value: state, label: letterStateWord(state) }))}
        onChange={(state) => change({ state: state ?? ANY_STATE })}
      />
      <Select
        aria-label="Sync"
        placeholder="Sync"
        data={names.filter(Boolean).sort()}
        value={value.sync ?? null}
        onChange={(sync) => change({ sync: sync ?? undefined })}
        clearable
        searchable
        filter={narrowed(firstOf(syncs.cut, 'sync'))}
        w={170}
      />
      <Select
        aria-label="Error code"
        placeholder="Error code"
        data={codes.filter(Boolean).sort()}
        value={value.code ?? null}
        onChange={(code) => change({ code: code ?? undefined })}
        clearable
        searchable
        w={190}
      />
      <TimeFilter label="Last seen" value={value} onChange={({ since, until }) => change({ since, until })} />
      {value.run && (
        <Tooltip label={value.run}>
          <Pill
            size="md"
            withRemoveButton
            onRemove={() => change({ run: undefined })}
            removeButtonProps={{ 'aria-label': 'Show letters of all runs' }}
          >
            Run …{value.run.slice(-8)}
          </Pill>
        </Tooltip>
      )}
    </FilterBar>
  );
}
