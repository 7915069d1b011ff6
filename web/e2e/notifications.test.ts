import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, until, type World, world } from './world';

interface Received {
  headers: IncomingHttpHeaders;
  body: { type: string };
}

describe('notifications', () => {
  let it: World;
  let receiver: HttpServer;
  let url: string;
  const received: Received[] = [];
  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let text = '';
      request.on('data', (part) => {
        text += part;
      });
      request.on('end', () => {
        received.push({ headers: request.headers, body: JSON.parse(text) });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    it = await world({
      files: {
        'syncline.yaml': `
connections:
  files: { type: files, path: data }
settings: { server: { api_reach: [loopback] } }
`,
        'syncs/copy.yaml': `
instance: copy
source: files
target: files
entities:
  broken:
    model: { file: gone.csv, key: id }
    to: { object: copy.csv, match: id }
`,
        'data/other.csv': 'id\n1\n',
      },
    });
  });
  afterAll(() => {
    receiver.close();
    receiver.closeAllConnections();
  });

  test('with none, the page says what they are for', async () => {
    await it.goto('/notifications');
    await it.page.getByText('Nobody is told yet').waitFor();
    await expectAccessible(it.page);
  });

  test('a signed webhook is made; what is wrong stands at its field; a try shows the answer', async () => {
    const { page } = it;
    await page.getByRole('button', { name: 'New channel' }).click();
    await page.getByLabel('Name').fill('ops');
    await page.getByText('Webhook', { exact: true }).click();
    await page.getByLabel('URL').fill('nowhere');
    await page.getByRole('button', { name: 'Make one' }).click();
    const secret = (await page.getByText(/^whsec_/).textContent()) ?? '';
    await page.getByLabel('Reach').first().click();
    await page.getByRole('option', { name: 'This machine, too' }).click();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Make the channel' }).click();
    await page.locator('[aria-invalid=true]').waitFor();
    expect((await it.server.api('GET', '/notifications')).data).toEqual([]);
    await page.getByLabel('URL').fill(url);
    await page.getByRole('button', { name: 'Make the channel' }).click();
    await page.getByRole('row', { name: /ops/ }).waitFor();
    expect(JSON.stringify(await it.server.api('GET', '/notifications'))).not.toContain(secret);

    await page.getByRole('button', { name: 'Test ops' }).click();
    await page.getByText('ops got the message').waitFor();
    await page.getByText(/The receiver answered 204/).waitFor();
    expect(received.map(({ body }) => body.type)).toEqual(['test']);
    expect(received[0]?.headers['webhook-signature']).toMatch(/^v1,/);
    await expectAccessible(page);
  });

  test('it is changed with another secret, told of a failed run, and the delivery is listed', async () => {
    const { page } = it;
    await page.getByRole('button', { name: 'More about ops' }).click();
    await page.getByRole('menuitem', { name: 'Change…' }).click();
    await page.getByLabel('Consecutive failures').fill('1');
    expect(await page.getByLabel('Signing secret').inputValue()).toBe('');
    await page.getByRole('button', { name: 'Make one' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const channel = await it.server.api('GET', '/notifications/ops');
    expect(channel.document).toMatchObject({ consecutive_failures: 1, url, secret: null });
    expect(channel.secrets_set).toEqual(['/secret']);

    const run = await it.server.api('POST', '/syncs/copy.broken/trigger', { type: 'sync' });
    await until(
      () => it.server.api('GET', `/runs/${run.id}`),
      ({ status }) => status === 'failed' || status === 'source_failure',
    );
    await page.getByRole('row', { name: /Consecutive failures.*Delivered/ }).waitFor();
    const types = received.map(({ body }) => body.type);
    expect(types).toContain('sync.consecutive_failures');
    await page.getByRole('button', { name: 'More about ops' }).click();
    await page.getByRole('menuitem', { name: 'Its deliveries' }).click();
    await page.waitForURL('**channel=ops');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await expectAccessible(page);
  });

  test('it is deleted after a question', async () => {
    const { page } = it;
    await page.getByRole('button', { name: 'More about ops' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Nobody is told yet').waitFor();
    expect((await it.server.api('GET', '/notifications')).data).toEqual([]);
  });
});
