import {
  ActionIcon,
  AppShell,
  Badge,
  Burger,
  Group,
  Indicator,
  Kbd,
  Modal,
  NavLink,
  ScrollArea,
  Text,
  Tooltip,
  UnstyledButton,
} from '@mantine/core';
import { useDisclosure, useLocalStorage } from '@mantine/hooks';
import { spotlight } from '@mantine/spotlight';
import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand, IconSearch } from '@tabler/icons-react';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect } from 'react';
import { api } from '../api/client';
import { useConnection, useLiveEvents } from '../api/live';
import { count } from '../ui/format';
import { Logo } from './Logo';
import { PLACES, type Place, SETTINGS } from './nav';
import classes from './Shell.module.css';
import { ShortcutList } from './ShortcutList';
import { useShortcuts } from './shortcuts';

const Palette = lazy(() => import('./Palette'));

/** Navigation at the left, the page beside it, and what holds for all pages. */
export function Shell() {
  useLiveEvents();
  const [isTelling, { open: tellKeys, close: tellNoMore }] = useDisclosure();
  useShortcuts(tellKeys);
  const [isOpen, { toggle, close }] = useDisclosure();
  const [isSmall, setIsSmall] = useLocalStorage({ key: 'nav.small', defaultValue: false });
  const path = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when the page changes
  useEffect(close, [path]);
  return (
    <AppShell
      header={{ height: { base: 48, sm: 0 } }}
      navbar={{ width: isSmall ? 56 : 208, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding={{ base: 'sm', sm: 'lg' }}
    >
      <a href="#page" className={classes.skip}>
        To the page
      </a>
      <AppShell.Header hiddenFrom="sm">
        <Group h="100%" px="sm" justify="space-between">
          <Group gap="xs">
            <Burger
              opened={isOpen}
              onClick={toggle}
              size="sm"
              aria-label={isOpen ? 'Close the menu' : 'Open the menu'}
            />
            <Logo />
            <Text fw={600}>Syncline</Text>
          </Group>
          <ActionIcon variant="subtle" color="gray" onClick={spotlight.open} aria-label="Search">
            <IconSearch size={18} />
          </ActionIcon>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes.nav}>
        <Navigation isSmall={isSmall && !isOpen} setIsSmall={setIsSmall} />
      </AppShell.Navbar>
      <AppShell.Main id="page" tabIndex={-1} className={classes.main}>
        <LostConnection />
        <div className={classes.page}>
          <Outlet />
        </div>
      </AppShell.Main>
      <Modal
        opened={isTelling}
        onClose={tellNoMore}
        title="Keys"
        size="lg"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <ShortcutList />
      </Modal>
      <Suspense>
        <Palette />
      </Suspense>
    </AppShell>
  );
}

function Navigation({ isSmall, setIsSmall }: { isSmall: boolean; setIsSmall: (small: boolean) => void }) {
  const attention = api.useQuery('get', '/api/v1/health', { params: { query: { window: '24h' } } }).data
    ?.attention;
  const marks: Record<string, number | undefined> = {
    '/dead-letters': attention?.open_dead_letters,
    '/': attention && attention.held_runs + attention.halted_syncs.length,
  };
  return (
    <>
      <Group justify="space-between" px="sm" h={52} visibleFrom="sm" wrap="nowrap">
        <Group gap="xs" wrap="nowrap">
          <Logo />
          {!isSmall && <Text fw={600}>Syncline</Text>}
        </Group>
      </Group>
      <Tooltip label="Search (Ctrl K)" position="right" disabled={!isSmall}>
        <UnstyledButton
          className={classes.search}
          onClick={spotlight.open}
          visibleFrom="sm"
          aria-label="Search"
        >
          <IconSearch size={16} aria-hidden />
          {!isSmall && (
            <>
              <Text size="sm" c="dimmed" flex={1}>
                Search
              </Text>
              <Kbd size="xs">Ctrl K</Kbd>
            </>
          )}
        </UnstyledButton>
      </Tooltip>
      <ScrollArea flex={1}>
        <nav aria-label="Pages">
          {PLACES.map((place) => (
            <PlaceLink key={place.label} place={place} isSmall={isSmall} mark={marks[place.to ?? '']} />
          ))}
        </nav>
      </ScrollArea>
      <nav aria-label="Settings" className={classes.foot}>
        {SETTINGS.map((place) => (
          <PlaceLink key={place.label} place={place} isSmall={isSmall} />
        ))}
        <Tooltip label={isSmall ? 'Widen the menu' : 'Narrow the menu'} position="right">
          <ActionIcon
            visibleFrom="sm"
            variant="subtle"
            color="gray"
            ml={isSmall ? 14 : 8}
            mt={4}
            onClick={() => setIsSmall(!isSmall)}
            aria-label={isSmall ? 'Widen the menu' : 'Narrow the menu'}
          >
            {isSmall ? (
              <IconLayoutSidebarLeftExpand size={18} />
            ) : (
              <IconLayoutSidebarLeftCollapse size={18} />
            )}
          </ActionIcon>
        </Tooltip>
      </nav>
    </>
  );
}

function PlaceLink({ place, isSmall, mark }: { place: Place; isSmall: boolean; mark?: number }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isHere = place.to === '/' ? path === '/' : path === place.to || path.startsWith(`${place.to}/`);
  const Sign = place.icon;
  const waiting = mark ? `${count(mark)} waiting` : undefined;
  const name = isSmall && waiting ? `${place.label}, ${waiting}` : place.label;
  return (
    <Tooltip label={name} position="right" disabled={!isSmall}>
      <NavLink
        component={Link}
        to={place.to}
        active={isHere}
        aria-current={isHere ? 'page' : undefined}
        className={classes.place}
        leftSection={
          <Indicator size={7} offset={1} display="flex" disabled={!isSmall || !waiting}>
            <Sign size={18} stroke={1.7} aria-hidden />
          </Indicator>
        }
        label={isSmall ? <span className="visually-hidden">{name}</span> : place.label}
        rightSection={
          mark && !isSmall ? (
            <Badge size="sm" variant="default" className="num" aria-label={waiting}>
              {count(mark)}
            </Badge>
          ) : undefined
        }
      />
    </Tooltip>
  );
}

/** Says that what is shown may be old, as long as nothing is heard from the server. */
function LostConnection() {
  const connection = useConnection();
  if (connection !== 'lost') return null;
  return (
    <div className={classes.lost} role="status">
      No connection to the server. What you see may be old; trying again.
    </div>
  );
}
