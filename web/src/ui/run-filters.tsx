import { Button } from '@mantine/core';
import { ChoiceFilter, FilterBar, SearchFilter } from './filters';
import { isFiltered, type RunSearch } from './run-search';
import { RUN_STATUSES, RUN_TRIGGERS, RUN_TYPES, statusWord, triggerWord, typeWord } from './status';
import { instant, TimeFilter } from './timefilter';

const PER_PAGE = 50;

/** A list of runs as the API is asked for it. */
export function runQuery({ status, type, trigger, q, since, until, by, page }: RunSearch) {
  return {
    status,
    type,
    trigger,
    q,
    ...(by === 'end'
      ? { completed_since: instant(since), completed_until: instant(until) }
      : { since: instant(since), until: instant(until) }),
    page: page ?? 1,
    per_page: PER_PAGE,
  };
}

/** What narrows a list of runs. `syncs` are offered where the list is not of one sync. */
export function RunFilters(props: {
  search: RunSearch;
  onChange: (search: RunSearch) => void;
  syncs?: string[];
  /** What the syncs are taken from where those are not all. */
  syncsOf?: string;
}) {
  const { search, onChange, syncs, syncsOf } = props;
  const set = (part: Partial<RunSearch>) => onChange({ ...search, ...part, page: undefined });
  return (
    <FilterBar>
      <SearchFilter label="Run id or correlation id" value={search.q} onChange={(q) => set({ q })} />
      {syncs && (
        <ChoiceFilter
          label="Sync"
          value={search.sync}
          options={syncs.map((id) => ({ value: id, label: id }))}
          of={syncsOf}
          onChange={(sync) => set({ sync })}
          width={150}
        />
      )}
      <ChoiceFilter
        label="Status"
        value={search.status}
        options={RUN_STATUSES.map((value) => ({ value, label: statusWord(value) }))}
        onChange={(status) => set({ status })}
        width={130}
      />
      <ChoiceFilter
        label="Type"
        value={search.type}
        options={RUN_TYPES.map((value) => ({ value, label: typeWord(value) }))}
        onChange={(type) => set({ type })}
        width={110}
      />
      <ChoiceFilter
        label="Trigger"
        value={search.trigger}
        options={RUN_TRIGGERS.map((value) => ({ value, label: triggerWord(value) }))}
        onChange={(trigger) => set({ trigger })}
        width={110}
      />
      <TimeFilter
        label="Any time"
        lead={search.by === 'end' ? 'Ended:' : undefined}
        value={{ since: search.since, until: search.until }}
        onChange={({ since, until }) => set({ since, until, by: undefined })}
      />
      {isFiltered(search) && (
        <Button variant="subtle" color="gray" onClick={() => onChange({})}>
          Clear filters
        </Button>
      )}
    </FilterBar>
  );
}
