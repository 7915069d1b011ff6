import {
  type Icon,
  IconActivityHeartbeat,
  IconBell,
  IconBuilding,
  IconCalendarTime,
  IconHistory,
  IconHome,
  IconKey,
  IconListSearch,
  IconMailOff,
  IconPlayerPlay,
  IconPlug,
  IconRefreshDot,
  IconSettings,
} from '@tabler/icons-react';
import type { LinkProps } from '@tanstack/react-router';

export interface Place {
  label: string;
  to: LinkProps['to'];
  icon: Icon;
  /** The letter after `g` that leads here. */
  key: string;
}

/** The pages in the order of work. */
export const PLACES: Place[] = [
  { label: 'Overview', to: '/', icon: IconHome, key: 'o' },
  { label: 'Syncs', to: '/syncs', icon: IconRefreshDot, key: 's' },
  { label: 'Run history', to: '/runs', icon: IconHistory, key: 'r' },
  { label: 'Sync trigger', to: '/trigger', icon: IconPlayerPlay, key: 't' },
  { label: 'Dead letters', to: '/dead-letters', icon: IconMailOff, key: 'd' },
  { label: 'Schedules', to: '/schedules', icon: IconCalendarTime, key: 'h' },
  { label: 'Instances', to: '/instances', icon: IconBuilding, key: 'i' },
  { label: 'Connections', to: '/connections', icon: IconPlug, key: 'c' },
  { label: 'Sync health', to: '/insights', icon: IconActivityHeartbeat, key: 'e' },
];

/** What is set up once. */
export const SETTINGS: Place[] = [
  { label: 'Notifications', to: '/notifications', icon: IconBell, key: 'n' },
  { label: 'API tokens', to: '/tokens', icon: IconKey, key: 'k' },
  { label: 'Audit log', to: '/audit', icon: IconListSearch, key: 'a' },
  { label: 'Settings', to: '/settings', icon: IconSettings, key: ',' },
];
