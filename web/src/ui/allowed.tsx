import { Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import { useMay } from '../api/session';
import type { Role } from '../api/types';
import { Empty } from './empty';

/** A button for people of a role; others see it without being able to press it, and why. */
export function Allowed({ role, children }: { role: Role; children: (disabled: boolean) => ReactElement }) {
  const may = useMay(role);
  if (may) return children(false);
  return (
    <Tooltip label={`This needs the role ${role}.`}>
      <span>{children(true)}</span>
    </Tooltip>
  );
}

/** What only people of a role may see; others are told so. */
export function Only({ role, what, children }: { role: Role; what: string; children: ReactElement }) {
  const may = useMay(role);
  if (may) return children;
  return (
    <div className="panel">
      <Empty title={`Only for the role ${role}`}>
        {what} An admin can make a token with that role under API tokens; sign in with it here.
      </Empty>
    </div>
  );
}
