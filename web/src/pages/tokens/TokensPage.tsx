import { Badge, Button, Group } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../../api/client';
import { useMay, useSession } from '../../api/session';
import type { Schemas } from '../../api/types';
import { Allowed, Only } from '../../ui/allowed';
import { Empty } from '../../ui/empty';
import { Page, Panel } from '../../ui/page';
import { type Column, DataTable, Pager } from '../../ui/table';
import { Ago } from '../../ui/time';
import { NewToken } from './NewToken';
import { RevokeToken } from './RevokeToken';
import { tokensRoute } from './route';
import { TokenState, tokenState } from './TokenState';

type Token = Schemas['TokenView'];

const PER_PAGE = 50;

export function TokensPage() {
  const [isMaking, setIsMaking] = useState(false);
  return (
    <Page
      title="API tokens"
      about="Who may do what through the API and these pages."
      actions={
        <Allowed role="admin">
          {(disabled) => (
            <Button
              leftSection={<IconPlus size={14} aria-hidden />}
              disabled={disabled}
              onClick={() => setIsMaking(true)}
            >
              New token
            </Button>
          )}
        </Allowed>
      }
    >
      <Only role="admin" what="Tokens decide who may do what here.">
        <Tokens />
      </Only>
      {isMaking && <NewToken close={() => setIsMaking(false)} />}
    </Page>
  );
}

function Tokens() {
  const search = tokensRoute.useSearch();
  const navigate = tokensRoute.useNavigate();
  const session = useSession();
  const isAdmin = useMay('admin');
  const [revoked, setRevoked] = useState<Token>();
  const tokens = api.useQuery(
    'get',
    '/api/v1/tokens',
    { params: { query: { page: search.page, per_page: PER_PAGE } } },
    { enabled: isAdmin },
  );
  const columns: Column<Token>[] = [
    {
      id: 'name',
      title: 'Name',
      always: true,
      cell: (token) => (
        <Group gap={8} wrap="nowrap">
          <span style={{ fontWeight: 500 }}>{token.name}</span>
          {token.id === session?.token_id && (
            <Badge size="sm" variant="default">
              this session
            </Badge>
          )}
        </Group>
      ),
    },
    { id: 'role', title: 'Role', cell: (token) => token.role },
    { id: 'state', title: 'State', cell: (token) => <TokenState token={token} /> },
    { id: 'expires', title: 'Expires', cell: (token) => <Expiry token={token} /> },
    { id: 'used', title: 'Last used', cell: (token) => <LastUse token={token} /> },
    { id: 'created', title: 'Created', wide: true, cell: (token) => <Ago at={token.created_at} /> },
    {
      id: 'by',
      title: 'Created by',
      wide: true,
      cell: (token) => token.created_by ?? 'the first start',
    },
    { id: 'id', title: 'Id', optional: true, cell: (token) => <span className="mono">{token.id}</span> },
    {
      id: 'revoke',
      title: '',
      always: true,
      figure: true,
      cell: (token) =>
        tokenState(token) === 'active' && (
          <Button
            variant="subtle"
            color="red"
            size="compact-xs"
            aria-label={`Revoke ${token.name}`}
            onClick={() => setRevoked(token)}
          >
            Revoke
          </Button>
        ),
    },
  ];
  return (
    <Panel pad={false}>
      <DataTable
        name="tokens"
        label="API tokens"
        columns={columns}
        rows={tokens.data?.data}
        keyOf={(token) => token.id}
        error={tokens.error}
        retry={() => void tokens.refetch()}
        empty={<Empty title="No tokens">The first start of a server makes one.</Empty>}
      />
      <Pager
        pagination={tokens.data?.pagination}
        onPage={(page) => void navigate({ search: { ...search, page } })}
      />
      {revoked && <RevokeToken token={revoked} close={() => setRevoked(undefined)} />}
    </Panel>
  );
}

function LastUse({ token }: { token: Token }) {
  return token.last_used_at ? <Ago at={token.last_used_at} /> : <span>never</span>;
}

function Expiry({ token }: { token: Token }) {
  return token.expires_at ? <Ago at={token.expires_at} /> : <span>never</span>;
}
