import {
  type Icon,
  IconBrandAws,
  IconDatabase,
  IconFiles,
  IconPlug,
  IconServer2,
  IconWebhook,
} from '@tabler/icons-react';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import classes from '../../ui/status.module.css';

export type Connector = Schemas['ConnectorView'];

const SIGNS: Record<string, Icon> = {
  files: IconFiles,
  postgres: IconDatabase,
  sqlite: IconDatabase,
  mysql: IconDatabase,
  http: IconWebhook,
  s3: IconBrandAws,
  sftp: IconServer2,
};

/** The types that connections can have; they change only with the program. */
export function useConnectors() {
  return api.useQuery('get', '/api/v1/connectors', {}, { staleTime: Number.POSITIVE_INFINITY });
}

export function ConnectorSign({ type, size = 16 }: { type: string; size?: number }) {
  const Sign = SIGNS[type] ?? IconPlug;
  return <Sign size={size} stroke={1.7} color="var(--ink-soft)" aria-hidden />;
}

/** A connection's kind with its sign. */
export function ConnectorMark({ type }: { type: string }) {
  return (
    <span className={classes.mark}>
      <ConnectorSign type={type} />
      <span>{type}</span>
    </span>
  );
}

/** What can be done with connections of a type, in words. */
export function abilities(connector: Pick<Connector, 'source' | 'destination'>): string {
  if (connector.source && connector.destination) return 'read and write';
  return connector.source ? 'read only' : 'write only';
}
