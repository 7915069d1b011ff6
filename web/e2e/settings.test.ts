import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, type World, world } from './world';

const GOOD = 'connections:\n  files: { type: files, path: . }\n';

describe('settings', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({
      files: {
        'syncline.yaml': GOOD,
        'syncs/copy.yaml': `
instance: copy
source: files
target: files
entities:
  row:
    model: { file: rows.csv, key: id }
    to: { object: copy.csv, match: id }
`,
        'rows.csv': 'id\n1\n',
      },
    });
    await it.server.api('POST', '/notifications', {
      name: 'ops',
      document: { channel: 'slack', url: 'https://hooks.slack.com/services/T/B/X' },
    });
  });

  test('the server says what it is', async () => {
    const { page } = it;
    const server = await it.server.api('GET', '/server');
    await it.goto('/settings');
    await page.getByText(server.version, { exact: true }).waitFor();
    await page.getByText(server.worker, { exact: true }).waitFor();
    await page.getByText('No problems').waitFor();
    await expectAccessible(page);
  });

  test('an error in a file appears with its place, and goes when it is repaired', async () => {
    const { page } = it;
    const file = join(it.server.folder, 'syncline.yaml');
    await writeFile(file, GOOD.replace('type: files', 'type: filez'));
    await page.getByText(/errors?: what the files said before goes on/).waitFor();
    await page
      .getByText(/^syncline\.yaml:2:/)
      .first()
      .waitFor();
    await writeFile(file, GOOD);
    await page.getByText('No problems').waitFor();
  });

  test('secrets are encrypted anew after a question', async () => {
    const { page } = it;
    await page.getByRole('button', { name: 'Rotate…' }).click();
    await page.getByRole('button', { name: 'Rotate', exact: true }).click();
    await page.getByText(/0 encrypted anew, 1 were under/).waitFor();
  });

  test('the look is kept in the browser', async () => {
    const { page } = it;
    await page.getByText('Dark', { exact: true }).click();
    await page.locator('html[data-mantine-color-scheme=dark]').waitFor();
    await page.reload();
    await page.getByText('No problems').waitFor();
    expect(await page.locator('html').getAttribute('data-mantine-color-scheme')).toBe('dark');
    await expectAccessible(page);
  });

  test('the keys are listed, here and by ?', async () => {
    const { page } = it;
    await page.getByRole('region', { name: 'Keyboard' }).getByText('Audit log').waitFor();
    await page.keyboard.press('Shift+?');
    await page.getByRole('dialog', { name: 'Keys' }).getByText('Search everything').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('signing out ends the session', async () => {
    const { page } = it;
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Syncline' }).waitFor();
    expect(await page.getByText('Your session ended').count()).toBe(0);
    expect((await page.request.get(`${it.server.url}/api/v1/session`)).status()).toBe(401);
  });
});
