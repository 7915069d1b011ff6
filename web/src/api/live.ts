import { useEffect, useSyncExternalStore } from 'react';
import { DEFINED } from './all';
import { queries } from './client';
import type { Progress } from './types';

/** How the stream of events is doing. */
export type Connection = 'connecting' | 'open' | 'lost';

/** An event of the stream that is kept, so that a client that was away gets it later. */
interface LiveEvent {
  kind: 'run' | 'letter' | 'sync' | 'project';
  run_id?: string | null;
  sync_id?: string | null;
  data: unknown;
}

/** What is read again after each kind of event: beginnings of paths. */
const TOUCHES: Record<LiveEvent['kind'], string[]> = {
  run: [
    '/runs',
    '/syncs',
    '/health',
    '/attention',
    '/trends',
    '/schedules',
    '/server',
    '/notifications/deliveries',
  ],
  letter: ['/dead-letters', '/syncs', '/health', '/attention'],
  sync: ['/syncs', '/health', '/attention', '/schedules'],
  project: [''],
};
/** The beginning of all paths. */
const EVERYTHING = '/api/v1';
/** Lists are read again this often at most, in milliseconds, however many events there are. */
const REFRESH_EVERY = 1_000;
/** After the stream broke, it is opened again after these times, in milliseconds. */
const REOPEN_AFTER = [500, 1_000, 2_000, 5_000];

let connection: Connection = 'connecting';
let lastId = '';
let source: EventSource | undefined;
let failures = 0;
let reopening: ReturnType<typeof setTimeout> | undefined;
let refreshing: ReturnType<typeof setTimeout> | undefined;
let refreshedAt = 0;
const touched = new Set<string>();
const progress = new Map<string, Progress>();
const watchers = new Set<() => void>();

function tell() {
  for (const watcher of watchers) watcher();
}

function setConnection(next: Connection) {
  if (next === connection) return;
  connection = next;
  tell();
}

/** Reads again whatever shows something of these paths, soon and together. */
function refresh(parts: string[]) {
  for (const part of parts) touched.add(EVERYTHING + part);
  if (refreshing) return;
  const wait = Math.max(100, refreshedAt + REFRESH_EVERY - Date.now());
  refreshing = setTimeout(() => {
    refreshing = undefined;
    refreshedAt = Date.now();
    const beginnings = [...touched];
    touched.clear();
    void queries.invalidateQueries({
      predicate: ({ queryKey: [, path, of] }) =>
        beginnings.some(
          (beginning) =>
            typeof path === 'string' &&
            path.startsWith(beginning) &&
            (of !== DEFINED || beginning === EVERYTHING),
        ),
    });
  }, wait);
}

function heard(kind: LiveEvent['kind'], message: MessageEvent<string>) {
  lastId = message.lastEventId || lastId;
  const event: LiveEvent = { kind, ...JSON.parse(message.data) };
  const status = (event.data as { status?: string } | null)?.status;
  if (kind === 'run' && event.run_id && status && status !== 'running' && status !== 'starting') {
    progress.delete(event.run_id);
  }
  refresh(TOUCHES[kind]);
}

function open() {
  const from = lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : '';
  const opened = new EventSource(`/api/v1/events${from}`);
  source = opened;
  opened.onopen = () => {
    // The server may be another one by now, and what was asked of it meanwhile failed.
    if (failures > 0) refresh(['']);
    failures = 0;
    setConnection('open');
  };
  opened.onerror = () => {
    opened.close();
    if (source !== opened) return;
    setConnection('lost');
    // A stream does not say why it ended; it may be that the session did.
    void queries.invalidateQueries({ queryKey: ['get', '/api/v1/session'] });
    const wait = REOPEN_AFTER[Math.min(failures, REOPEN_AFTER.length - 1)];
    failures += 1;
    reopening = setTimeout(open, wait);
  };
  for (const kind of Object.keys(TOUCHES) as LiveEvent['kind'][]) {
    opened.addEventListener(kind, (message) => heard(kind, message));
  }
  opened.addEventListener('reset', () => {
    progress.clear();
    refresh(['']);
  });
  opened.addEventListener('progress', (message: MessageEvent<string>) => {
    const figures: Progress = JSON.parse(message.data);
    progress.set(figures.run_id, figures);
    tell();
  });
}

/** Listens as long as the caller is shown. */
export function useLiveEvents() {
  useEffect(() => {
    open();
    return () => {
      clearTimeout(reopening);
      source?.close();
      source = undefined;
      setConnection('connecting');
    };
  }, []);
}

function watch(watcher: () => void) {
  watchers.add(watcher);
  return () => {
    watchers.delete(watcher);
  };
}

export function useConnection(): Connection {
  return useSyncExternalStore(watch, () => connection);
}

/** The latest figures of a run that goes on; undefined before the first and after its end. */
export function useProgress(runId: string | undefined): Progress | undefined {
  return useSyncExternalStore(watch, () => (runId ? progress.get(runId) : undefined));
}
