import { Alert, Button, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconShieldCheck } from '@tabler/icons-react';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Schemas } from '../../api/types';
import { Only } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { FilterBar, SearchFilter } from '../../ui/filters';
import { counted } from '../../ui/format';
import { Page, Panel } from '../../ui/page';
import { ErrorCode, ProblemNote } from '../../ui/problem';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { instant, TimeFilter } from '../../ui/timefilter';
import { AuditRecord } from './AuditRecord';
import { auditRoute } from './route';

type Audit = Schemas['AuditView'];

const PER_PAGE = 50;

/** Long names end in …; the record in full has all of it. */
const CLIPPED = {
  display: 'inline-block',
  maxWidth: 'min(320px, 19vw)',
  overflow: 'hidden',
  textOverflow: 'ellipsis',
  verticalAlign: 'bottom',
} as const;

const COLUMNS: Column<Audit>[] = [
  { id: 'at', title: 'When', always: true, cell: (record) => <Ago at={record.at} /> },
  { id: 'actor', title: 'Who', cell: (record) => <span style={CLIPPED}>{record.actor_name}</span> },
  { id: 'action', title: 'Action', cell: (record) => <span className="mono">{record.action}</span> },
  {
    id: 'target',
    title: 'Target',
    cell: (record) => (
      <span className="mono" style={CLIPPED}>
        {record.target}
      </span>
    ),
  },
  {
    id: 'result',
    title: 'Result',
    cell: (record) => (record.result === 'ok' ? 'Done' : <ErrorCode code={record.result} />),
  },
  { id: 'remote', title: 'From', wide: true, cell: (record) => record.remote ?? '–' },
  {
    id: 'sequence',
    title: 'Record',
    figure: true,
    wide: true,
    cell: (record) => record.sequence,
  },
];

export function AuditPage() {
  const verify = useVerify();
  return (
    <Page
      title="Audit log"
      about="Who changed what, and when. Each record holds a hash over itself and the one before it."
      actions={
        <Button
          variant="default"
          leftSection={<IconShieldCheck size={14} aria-hidden />}
          loading={verify.isFetching}
          disabled={!verify.may}
          onClick={verify.check}
        >
          Verify the chain
        </Button>
      }
    >
      <Verdict verify={verify} />
      <Only role="admin" what="The audit log tells what everybody did.">
        <Records />
      </Only>
    </Page>
  );
}

/** The check of the whole chain, made when somebody asks for it. */
function useVerify() {
  const may = useMay('admin');
  const { data, error, isFetching, refetch } = api.useQuery(
    'get',
    '/api/v1/audit/verify',
    {},
    { enabled: false, gcTime: 0 },
  );
  return { may, verdict: data, error, isFetching, check: () => void refetch() };
}

function Verdict({ verify }: { verify: ReturnType<typeof useVerify> }) {
  const { verdict, error, check } = verify;
  if (error) return <ProblemNote error={error} retry={check} />;
  if (!verdict) return null;
  return verdict.intact ? (
    <Alert icon={<IconCircleCheck />} color="green" variant="outline" title="The log is whole" role="status">
      <Text size="sm">
        {counted(verdict.records, 'record')}, each of which fits the one before it: none was changed or
        removed.
      </Text>
    </Alert>
  ) : (
    <Alert
      icon={<IconAlertTriangle />}
      color="red"
      variant="outline"
      title="The log was changed"
      role="alert"
    >
      <Text size="sm">
        Record {verdict.first_bad} does not fit the one before it. It, or one before it, was changed or
        removed in the state itself: compare with a backup.
      </Text>
    </Alert>
  );
}

function Records() {
  const search = auditRoute.useSearch();
  const navigate = auditRoute.useNavigate();
  const { record: shown, page, since, until, ...filters } = search;
  const records = api.useQuery('get', '/api/v1/audit', {
    params: {
      query: { ...filters, since: instant(since), until: instant(until), page, per_page: PER_PAGE },
    },
  });
  const change = (to: Partial<typeof search>) =>
    void navigate({ search: { ...search, ...to, page: undefined, record: undefined } });
  const isNarrowed = [...Object.values(filters), since, until].some((value) => value !== undefined);
  return (
    <Panel pad={false}>
      <FilterBar>
        <SearchFilter
          label="Who, as token:first"
          value={search.actor}
          onChange={(actor) => change({ actor })}
        />
        <SearchFilter
          label="Action, as runs.cancel"
          value={search.action}
          onChange={(action) => change({ action })}
        />
        <SearchFilter
          label="Target, as tokens/first"
          value={search.target}
          onChange={(target) => change({ target })}
        />
        <TimeFilter
          label="Any time"
          value={search}
          onChange={({ since, until }) => change({ since, until })}
        />
      </FilterBar>
      <DataTable
        name="audit"
        label="Audit log"
        columns={COLUMNS}
        rows={records.data?.data}
        keyOf={(record) => String(record.sequence)}
        href={(record) => ({ to: '/audit', search: { ...search, record: String(record.sequence) } })}
        error={records.error}
        retry={() => void records.refetch()}
        empty={
          isNarrowed ? (
            <Empty title="No records like this">Other filters may show some.</Empty>
          ) : (
            <Empty title="Nothing was changed yet">
              Whatever changes something, by these pages, the API or the command line, is written here.
            </Empty>
          )
        }
      />
      <Pager
        pagination={records.data?.pagination}
        onPage={(to) => void navigate({ search: { ...search, page: to, record: undefined } })}
      />
      <AuditRecord
        record={records.data?.data.find((record) => String(record.sequence) === shown)}
        close={() => void navigate({ search: { ...search, record: undefined } })}
      />
    </Panel>
  );
}
