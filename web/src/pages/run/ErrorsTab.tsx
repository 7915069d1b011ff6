import { Button, Select } from '@mantine/core';
import { IconMailOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { RunDetail, Schemas } from '../../api/types';
import { Empty } from '../../ui/empty';
import { isLive } from '../../ui/figures';
import { FilterBar, SearchFilter } from '../../ui/filters';
import { ErrorCode } from '../../ui/problem';
import { stageWord } from '../../ui/stages';
import { type Column, DataTable, Pager } from '../../ui/table';
import { ErrorGroups, type Group } from './ErrorGroups';
import classes from './errors.module.css';
import { runRoute } from './route';

type RowError = Schemas['RowErrorView'];

/** The rows that failed, and why: by kind, then each. */
export function ErrorsTab({ run }: { run: RunDetail }) {
  const { page = 1, code, field, stage, key } = runRoute.useSearch();
  const navigate = runRoute.useNavigate();
  const path = { run_id: run.id };
  const groups =
    api.useQuery('get', '/api/v1/runs/{run_id}/errors/groups', { params: { path } }).data?.data ?? [];
  const errors = api.useQuery(
    'get',
    '/api/v1/runs/{run_id}/errors',
    { params: { path, query: { page, per_page: 100, code, field, stage, key } } },
    { placeholderData: (before) => before },
  );
  const isFiltered = Boolean(code ?? field ?? stage ?? key);
  const choose = (chosen: { code?: string; field?: string; stage?: RowError['stage']; key?: string }) =>
    void navigate({
      search: (old) => ({ ...old, tab: 'errors', ...chosen, page: undefined }),
      replace: true,
      resetScroll: false,
    });
  const none = { code: undefined, field: undefined, stage: undefined };
  const isChosen = (group: Group) =>
    group.code === code && group.stage === stage && (group.field ?? undefined) === field;
  return (
    <>
      <ErrorGroups
        groups={groups}
        isChosen={isChosen}
        choose={(group) =>
          choose(
            isChosen(group)
              ? none
              : { code: group.code, stage: group.stage, field: group.field ?? undefined },
          )
        }
      />
      {(groups.length > 0 || isFiltered) && (
        <FilterBar>
          <One
            label="Field"
            value={field}
            options={groups.flatMap((group) => group.field ?? [])}
            onChange={(value) => choose({ field: value })}
          />
          <One
            label="Code"
            value={code}
            options={groups.map((group) => group.code)}
            onChange={(value) => choose({ code: value })}
          />
          <One
            label="Stage"
            value={stage}
            options={groups.map((group) => group.stage)}
            wordOf={(value) => stageWord(value as RowError['stage'])}
            onChange={(value) => choose({ stage: value as RowError['stage'] | undefined })}
          />
          <SearchFilter
            label="Beginning of the row ID"
            value={key}
            onChange={(value) => choose({ key: value })}
          />
          {isFiltered && (
            <Button variant="subtle" color="gray" onClick={() => choose({ ...none, key: undefined })}>
              Show all
            </Button>
          )}
        </FilterBar>
      )}
      <DataTable
        name="run-errors"
        label="Rows that failed"
        columns={columnsOf(run)}
        rows={errors.data?.data}
        keyOf={(error) => `${error.row_id} ${error.stage} ${error.field ?? ''} ${error.code}`}
        error={errors.error}
        retry={() => void errors.refetch()}
        empty={<NoErrors run={run} isFiltered={isFiltered} />}
      />
      {errors.data && (
        <Pager
          pagination={{
            page: errors.data.page,
            per_page: errors.data.per_page,
            total: errors.data.total_errors,
          }}
          onPage={(next) => void navigate({ search: (old) => ({ ...old, tab: 'errors', page: next }) })}
        />
      )}
    </>
  );
}

/** One of the values that occur, or any. */
function One(props: {
  label: string;
  value: string | undefined;
  options: string[];
  wordOf?: (value: string) => string;
  onChange: (value: string | undefined) => void;
}) {
  const { label, value, options, wordOf = String, onChange } = props;
  const found = [...new Set(value ? [...options, value] : options)];
  return (
    <Select
      aria-label={label}
      placeholder={label}
      data={found.map((each) => ({ value: each, label: wordOf(each) }))}
      value={value ?? null}
      onChange={(next) => onChange(next ?? undefined)}
      clearable
      w={170}
    />
  );
}

function NoErrors({ run, isFiltered }: { run: RunDetail; isFiltered: boolean }) {
  if (isFiltered)
    return <Empty title="No error matches">Other rows of this run may have failed: show all.</Empty>;
  if (isLive(run.status)) {
    return (
      <Empty title="No errors yet">Rows that cannot be delivered are listed when the run has ended.</Empty>
    );
  }
  return (
    <Empty title="No row failed">
      Rows that cannot be delivered would be listed here, each with its reason.
    </Empty>
  );
}

function columnsOf(run: RunDetail): Column<RowError>[] {
  return [
    {
      id: 'row',
      title: 'Row ID',
      always: true,
      cell: (error) => (
        <Link
          to="/syncs/$syncId"
          params={{ syncId: run.sync_id }}
          search={{ tab: 'records', key: error.row_id }}
          className="link mono"
          title="The whole life of this record"
        >
          {error.row_id}
        </Link>
      ),
    },
    {
      id: 'message',
      title: 'Error message',
      cell: (error) => (
        <div className="sentence" title={error.message}>
          {error.message}
        </div>
      ),
    },
    { id: 'field', title: 'Field', cell: (error) => error.field ?? '–' },
    { id: 'raw', title: 'Raw value', cell: (error) => <Raw value={error.raw_value} /> },
    { id: 'code', title: 'Code', cell: (error) => <ErrorCode code={error.code} /> },
    { id: 'stage', title: 'Stage', cell: (error) => stageWord(error.stage) },
    {
      id: 'letter',
      title: 'Dead letter',
      cell: (error) =>
        error.letter_id ? (
          <Link
            to="/dead-letters/$letterId"
            params={{ letterId: error.letter_id }}
            className="link"
            aria-label={`Dead letter of ${error.row_id}`}
          >
            <IconMailOff size={16} aria-hidden style={{ verticalAlign: 'middle' }} /> Open
          </Link>
        ) : (
          '–'
        ),
    },
  ];
}

function Raw({ value }: { value: string | null | undefined }) {
  if (value === null || value === undefined) return <span style={{ color: 'var(--ink-soft)' }}>null</span>;
  return (
    <span className={`mono ${classes.raw}`} title={value}>
      {value}
    </span>
  );
}
