import type { Schemas } from '../../api/types';

export type Channel = Schemas['NotificationView'];

export const EVENTS: Record<string, { word: string; about: string }> = {
  completed: { word: 'Run completed', about: 'Each run that completed.' },
  failed: { word: 'Run failed', about: 'After one that did not, or with another error than before.' },
  held: { word: 'Run held', about: 'A guard holds a run until somebody approves it.' },
  halted: { word: 'Sync halted', about: 'It stopped until somebody activates it.' },
  recovered: { word: 'Sync recovered', about: 'A run completed after a failure that was told.' },
};
const OTHER_EVENTS: Record<string, string> = {
  high_error_rate: 'High error rate',
  consecutive_failures: 'Consecutive failures',
};
/** What a channel tells unless its document says otherwise. */
const DEFAULT_EVENTS = ['failed', 'halted', 'held', 'recovered'];

export function eventWord(event: string): string {
  return EVENTS[event]?.word ?? OTHER_EVENTS[event] ?? event;
}

export const KINDS: Record<string, string> = { slack: 'Slack', webhook: 'Webhook' };

/** A channel's document as the form holds it. Secrets are empty: they are never shown again. */
export interface Form {
  name: string;
  channel: 'slack' | 'webhook';
  url: string;
  secret: string;
  previousSecret: string;
  events: string[];
  /** Percent; empty: not told. */
  errorRate: string;
  /** Empty: not told. */
  consecutiveFailures: string;
  reach: 'public' | 'private' | 'loopback';
}

export const EMPTY: Form = {
  name: '',
  channel: 'slack',
  url: '',
  secret: '',
  previousSecret: '',
  events: DEFAULT_EVENTS,
  errorRate: '',
  consecutiveFailures: '',
  reach: 'public',
};

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** What a channel tells of: events, and thresholds where it has some. */
export function told(channel: Channel): { events: string[]; errorRate: string; failures: string } {
  const { events, error_rate, consecutive_failures } = channel.document;
  return {
    events: Array.isArray(events) ? events.filter((event) => typeof event === 'string') : DEFAULT_EVENTS,
    errorRate: text(error_rate),
    failures: text(consecutive_failures),
  };
}

export function formOf(channel: Channel): Form {
  const { events, errorRate, failures } = told(channel);
  const { reach, url } = channel.document;
  return {
    ...EMPTY,
    name: channel.name,
    channel: channel.channel === 'webhook' ? 'webhook' : 'slack',
    url: text(url),
    events,
    errorRate: errorRate.replace('%', ''),
    consecutiveFailures: failures,
    reach: reach === 'private' || reach === 'loopback' ? reach : 'public',
  };
}

/** Whether a secret of a channel is kept by the server. */
export function isSet(channel: Channel | undefined, field: 'url' | 'secret' | 'previous_secret'): boolean {
  return channel?.secrets_set.includes(`/${field}`) ?? false;
}

/**
 * The document that a form means. What the form does not show stays as it is; a secret that was not
 * given again is null, which keeps it.
 */
export function documentOf(form: Form, before?: Channel): Record<string, unknown> {
  const isWebhook = form.channel === 'webhook';
  const kept: Record<string, unknown> = before?.channel === form.channel ? { ...before.document } : {};
  const secret = (given: string, field: 'url' | 'secret' | 'previous_secret') =>
    given.trim() || (isSet(before, field) ? null : undefined);
  const failures = Number(form.consecutiveFailures);
  return Object.fromEntries(
    Object.entries({
      ...kept,
      channel: form.channel,
      url: secret(form.url, 'url') ?? (isSet(before, 'url') ? null : ''),
      events: form.events,
      error_rate: form.errorRate.trim() === '' ? undefined : `${form.errorRate.trim()}%`,
      consecutive_failures: form.consecutiveFailures.trim() === '' ? undefined : failures,
      secret: isWebhook ? secret(form.secret, 'secret') : undefined,
      previous_secret: isWebhook ? secret(form.previousSecret, 'previous_secret') : undefined,
      reach: form.reach,
    }).filter(([, value]) => value !== undefined),
  );
}

/** A new key that webhook messages are signed with. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}
