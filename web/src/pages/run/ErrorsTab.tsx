import { Link } from '@tanstack/react-router';
import { api } from '../../api/client';
import type { RunDetail, Schemas } from '../../api/types';
import { Empty } from '../../ui/empty';
import { ErrorCode } from '../../ui/problem';
import { type Column, DataTable, Pager } from '../../ui/table';
import { runRoute } from './route';
import classes from './run.module.css';

type RowError = Schemas['RowErrorView'];

/** The rows that failed, and why. */
export function ErrorsTab({ run }: { run: RunDetail }) {
  const { page = 1 } = runRoute.useSearch();
  const navigate = runRoute.useNavigate();
  const errors = api.useQuery(
    'get',
    '/api/v1/runs/{run_id}/errors',
    { params: { path: { run_id: run.id }, query: { page, per_page: 100 } } },
    { placeholderData: (before) => before },
  );
  return (
    <>
      <DataTable
        name="run-errors"
        label="Rows that failed"
        columns={columnsOf(run)}
        rows={errors.data?.data}
        keyOf={(error) => `${error.row_id} ${error.stage} ${error.field ?? ''} ${error.code}`}
        error={errors.error}
        retry={() => void errors.refetch()}
        empty={
          <Empty title="No row failed">Rows that cannot be delivered are listed here, with the reason.</Empty>
        }
      />
      {errors.data && (
        <Pager
          pagination={{
            page: errors.data.page,
            per_page: errors.data.per_page,
            total: errors.data.total_errors,
          }}
          onPage={(next) => void navigate({ search: (old) => ({ ...old, page: next }) })}
        />
      )}
    </>
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
        >
          {error.row_id}
        </Link>
      ),
    },
    {
      id: 'message',
      title: 'Error message',
      cell: (error) => <span title={error.message}>{error.message}</span>,
    },
    { id: 'field', title: 'Field', cell: (error) => error.field ?? '–' },
    { id: 'raw', title: 'Raw value', cell: (error) => <Raw value={error.raw_value} /> },
    { id: 'code', title: 'Code', cell: (error) => <ErrorCode code={error.code} /> },
    { id: 'stage', title: 'Stage', cell: (error) => STAGES[error.stage] ?? error.stage },
  ];
}

const STAGES: Record<string, string> = {
  ingest: 'Ingest',
  normalize: 'Normalize',
  transform: 'Transform',
  execute: 'Execute',
  finalize: 'Finalize',
};

function Raw({ value }: { value: string | null | undefined }) {
  if (value === null || value === undefined) return <span style={{ color: 'var(--ink-soft)' }}>null</span>;
  return (
    <span className={`mono ${classes.raw}`} title={value}>
      {value}
    </span>
  );
}
