import { IconBan, IconCircleCheck, IconClockOff } from '@tabler/icons-react';
import type { Schemas } from '../../api/types';
import { Mark } from '../../ui/status';

type Token = Schemas['TokenView'];

/** Whether a token opens anything. */
export function tokenState(token: Token): 'active' | 'expired' | 'revoked' {
  if (token.revoked_at) return 'revoked';
  return token.expires_at && new Date(token.expires_at).getTime() <= Date.now() ? 'expired' : 'active';
}

const LOOKS = {
  active: { word: 'Active', icon: IconCircleCheck, color: 'var(--state-completed)' },
  expired: { word: 'Expired', icon: IconClockOff, color: 'var(--state-muted)' },
  revoked: { word: 'Revoked', icon: IconBan, color: 'var(--state-muted)' },
};

export function TokenState({ token }: { token: Token }) {
  return <Mark {...LOOKS[tokenState(token)]} />;
}
