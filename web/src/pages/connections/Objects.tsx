import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Loader,
  Skeleton,
  Stack,
  Text,
  UnstyledButton,
} from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconKey, IconRefresh } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Schemas } from '../../api/types';
import { Empty } from '../../ui/empty';
import { FilterBar, SearchFilter } from '../../ui/filters';
import { count, counted } from '../../ui/format';
import { ProblemNote } from '../../ui/problem';
import classes from './connections.module.css';
import type { Connector } from './kind';
import { connectionRoute } from './route';

type Stream = Schemas['StreamView'];

/** Objects that are listed at once; a search narrows them. */
const LISTED = 200;

/** What a connection offers: tables, views or files, with columns, types and keys. */
export function Objects({ name, connector }: { name: string; connector: Connector }) {
  const { q } = connectionRoute.useSearch();
  const navigate = connectionRoute.useNavigate();
  const may = useMay('operator');
  const found = api.useQuery(
    'post',
    '/api/v1/connections/{name}/discover',
    { params: { path: { name } }, body: { search: q ?? null, limit: LISTED } },
    { enabled: may && connector.source != null, placeholderData: (before) => before },
  );
  if (!connector.source) {
    return (
      <Empty title="Nothing can be read here">
        This kind of system is written only; it lists no objects.
      </Empty>
    );
  }
  if (!may) return <Empty title="Looking into a system needs the role operator" />;
  return (
    <>
      <FilterBar>
        <SearchFilter
          label="Find an object"
          value={q}
          onChange={(next) => void navigate({ search: (now) => ({ ...now, q: next }), replace: true })}
        />
        <Group gap="xs" wrap="nowrap">
          <ActionIcon
            variant="default"
            size={30}
            aria-label="Look again"
            onClick={() => void found.refetch()}
            disabled={found.isFetching}
          >
            {found.isFetching ? <Loader size={14} /> : <IconRefresh size={16} />}
          </ActionIcon>
          {found.data && (
            <Text size="sm" c="dimmed" className="num">
              {counted(found.data.total, 'object')}
              {found.data.streams.length < found.data.total &&
                `, the first ${count(found.data.streams.length)} shown`}
            </Text>
          )}
        </Group>
      </FilterBar>
      {found.error ? (
        <div style={{ padding: 16 }}>
          <ProblemNote error={found.error} retry={() => void found.refetch()} />
        </div>
      ) : found.data ? (
        <Streams streams={found.data.streams} name={name} connector={connector} filter={q} />
      ) : (
        <Stack gap="md" p="md">
          {['a', 'b', 'c', 'd'].map((key) => (
            <Skeleton key={key} height={12} />
          ))}
        </Stack>
      )}
    </>
  );
}

function Streams(props: { streams: Stream[]; name: string; connector: Connector; filter?: string }) {
  const { streams, name, connector, filter } = props;
  if (streams.length === 0) {
    return filter ? (
      <Empty title={`No object has "${filter}" in its name`} />
    ) : (
      <Empty title="There is nothing to read yet">
        The connection works, but it offers no table, view or file.
      </Empty>
    );
  }
  return (
    <div>
      {streams.map((stream) => (
        <StreamRow key={stream.name} stream={stream} name={name} connector={connector} />
      ))}
    </div>
  );
}

function StreamRow({ stream, name, connector }: { stream: Stream; name: string; connector: Connector }) {
  const [isOpen, setIsOpen] = useState(false);
  const isFile = connector.source?.models.includes('file') ?? false;
  const Sign = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <div className={classes.stream}>
      <div className={classes.streamHead}>
        <UnstyledButton
          className={classes.streamName}
          aria-expanded={isOpen}
          onClick={() => setIsOpen(!isOpen)}
        >
          <Sign size={14} aria-hidden />
          <span className="mono">{stream.name}</span>
        </UnstyledButton>
        <Text size="sm" c="dimmed" className={`num ${classes.wide}`} style={{ whiteSpace: 'nowrap' }}>
          {counted(stream.columns.length, 'column')}
        </Text>
        <Button
          component={Link}
          to="/new-sync"
          search={{ source: name, [isFile ? 'file' : 'table']: stream.name } as never}
          variant="default"
          size="compact-xs"
        >
          Use in a new sync
        </Button>
      </div>
      {isOpen && <Columns stream={stream} />}
    </div>
  );
}

function Columns({ stream }: { stream: Stream }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section style={{ overflowX: 'auto' }} tabIndex={0} aria-label={`Columns of ${stream.name}`}>
      <table className={classes.columns}>
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
            <th scope="col">May be null</th>
          </tr>
        </thead>
        <tbody>
          {stream.columns.map((column) => (
            <tr key={column.name}>
              <td>
                <Group gap={6} wrap="nowrap">
                  <span className="mono">{column.name}</span>
                  {stream.key.includes(column.name) && (
                    <Badge size="xs" variant="default" leftSection={<IconKey size={10} />}>
                      key
                    </Badge>
                  )}
                </Group>
              </td>
              <td className="mono">{column.type}</td>
              <td>{column.nullable ? 'yes' : 'no'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
