import { Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import { useMay } from '../api/session';
import type { Role } from '../api/types';

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
