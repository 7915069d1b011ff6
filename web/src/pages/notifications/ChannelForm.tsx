import {
  Button,
  Checkbox,
  Group,
  Modal,
  NumberInput,
  PasswordInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { ApiError, api, queries } from '../../api/client';
import { CopyText } from '../../ui/copy';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { type Channel, documentOf, EMPTY, EVENTS, type Form, formOf, isSet, newSecret } from './channel';

const REACHES = [
  { value: 'public', label: 'The internet only' },
  { value: 'private', label: 'Private networks, too' },
  { value: 'loopback', label: 'This machine, too' },
];
const KEPT = 'Set. Leave it empty to keep it; it is never shown again.';

/** Makes a channel, or changes one that was made here. */
export function ChannelForm({ before, close }: { before?: Channel; close: () => void }) {
  const [form, setForm] = useState<Form>(before ? formOf(before) : EMPTY);
  const [made, setMade] = useState('');
  const done = {
    onSuccess: () => {
      tellDone(`The channel ${form.name} was ${before ? 'changed' : 'made'}. Test it.`);
      void queries.invalidateQueries({ queryKey: ['get', '/api/v1/notifications'] });
      close();
    },
  };
  const create = api.useMutation('post', '/api/v1/notifications', done);
  const change = api.useMutation('put', '/api/v1/notifications/{name}', done);
  const error = before ? change.error : create.error;
  const set = (to: Partial<Form>) => setForm({ ...form, ...to });
  const wrong = (field: string) => messageAt(error, field);
  const isWebhook = form.channel === 'webhook';

  function send(event: FormEvent) {
    event.preventDefault();
    const document = documentOf(form, before);
    if (!before) return create.mutate({ body: { name: form.name.trim(), document } });
    const revision = before.origin.revision;
    return change.mutate({
      params: {
        path: { name: before.name },
        header: revision ? { 'If-Match': `"${revision}"` } : undefined,
      },
      body: { document },
    });
  }

  return (
    <Modal
      opened
      onClose={close}
      size="lg"
      title={before ? `Change ${before.name}` : 'New channel'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={send}>
        <Stack gap="sm">
          <Group gap="md" align="flex-end">
            {!before && (
              <TextInput
                label="Name"
                placeholder="on-call"
                required
                maxLength={100}
                data-autofocus
                flex={1}
                value={form.name}
                error={messageAt(error, 'name', '')}
                onChange={(event) => set({ name: event.currentTarget.value })}
              />
            )}
            <SegmentedControl
              aria-label="Channel"
              value={form.channel}
              onChange={(value) => set({ channel: value === 'webhook' ? 'webhook' : 'slack' })}
              data={[
                { value: 'slack', label: 'Slack' },
                { value: 'webhook', label: 'Webhook' },
              ]}
            />
          </Group>
          {isWebhook ? (
            <Webhook form={form} set={set} before={before} wrong={wrong} made={made} setMade={setMade} />
          ) : (
            <PasswordInput
              label="Incoming webhook URL"
              description={
                isSet(before, 'url') ? KEPT : 'Slack makes it; whoever has it can post, so it is a secret.'
              }
              placeholder="https://hooks.slack.com/services/…"
              autoComplete="off"
              required={!isSet(before, 'url')}
              value={form.url}
              error={wrong('url')}
              onChange={(event) => set({ url: event.currentTarget.value })}
            />
          )}
          <Checkbox.Group
            label="What is told"
            value={form.events}
            onChange={(events) => set({ events })}
            error={wrong('events')}
          >
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm" verticalSpacing={8} mt={6}>
              {Object.entries(EVENTS).map(([name, { word, about }]) => (
                <Checkbox key={name} size="xs" value={name} label={word} description={about} />
              ))}
            </SimpleGrid>
          </Checkbox.Group>
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
            <NumberInput
              label="High error rate, above"
              description="Share of a run's rows that failed. Empty: not told."
              suffix=" %"
              min={0}
              max={100}
              decimalScale={2}
              value={form.errorRate}
              error={wrong('error_rate')}
              onChange={(value) => set({ errorRate: String(value) })}
            />
            <NumberInput
              label="Consecutive failures"
              description="So many failed runs in a row. Empty: not told."
              min={1}
              allowDecimal={false}
              value={form.consecutiveFailures}
              error={wrong('consecutive_failures')}
              onChange={(value) => set({ consecutiveFailures: String(value) })}
            />
          </SimpleGrid>
          <Select
            label="Reach"
            description="How far the URL may lead; the server's settings may allow less."
            data={REACHES}
            value={form.reach}
            allowDeselect={false}
            error={wrong('reach')}
            onChange={(value) => set({ reach: (value ?? 'public') as Form['reach'] })}
            maw={320}
          />
          {error ? <ProblemNote error={error} /> : null}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Back
            </Button>
            <Button type="submit" loading={create.isPending || change.isPending}>
              {before ? 'Save' : 'Make the channel'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Webhook(props: {
  form: Form;
  set: (to: Partial<Form>) => void;
  before?: Channel;
  wrong: (field: string) => string | undefined;
  made: string;
  setMade: (secret: string) => void;
}) {
  const { form, set, before, wrong, made, setMade } = props;
  return (
    <>
      <TextInput
        label="URL"
        placeholder="https://example.com/hooks/syncline"
        required={!isSet(before, 'url')}
        value={form.url}
        error={wrong('url')}
        onChange={(event) => set({ url: event.currentTarget.value })}
      />
      <Group align="flex-end" gap="xs" wrap="nowrap">
        <PasswordInput
          flex={1}
          label="Signing secret"
          description={
            isSet(before, 'secret') ? KEPT : 'Messages are signed with it; the receiver needs it, too.'
          }
          placeholder="whsec_…"
          autoComplete="off"
          required={!isSet(before, 'secret')}
          value={form.secret}
          error={wrong('secret')}
          onChange={(event) => set({ secret: event.currentTarget.value })}
        />
        <Button
          variant="default"
          onClick={() => {
            const secret = newSecret();
            setMade(secret);
            set({ secret });
          }}
        >
          Make one
        </Button>
      </Group>
      {made && made === form.secret && (
        <Text size="sm" component="div" role="status">
          Give it to the receiver now; it is not shown again: <CopyText value={made} label="secret" />
        </Text>
      )}
      {before && (
        <PasswordInput
          label="Secret before"
          description={
            isSet(before, 'previous_secret')
              ? KEPT
              : 'While the receiver is changed over, messages are signed with both.'
          }
          placeholder="whsec_…"
          autoComplete="off"
          value={form.previousSecret}
          error={wrong('previous_secret')}
          onChange={(event) => set({ previousSecret: event.currentTarget.value })}
        />
      )}
    </>
  );
}

/** What the server says about one field of the document. */
function messageAt(error: unknown, field: string, part = '/document'): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const at = `${part}/${field}`;
  return error.problem.errors?.find((item) => item.at === at || item.at?.startsWith(`${at}/`))?.message;
}
