import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, signedIn, until, type World, world } from './world';

describe('the overview of a workspace that was at work for weeks', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ quiet: true });
  });

  test('what waits for a person leads to where it is decided, and goes away when it is', async () => {
    const { page, server } = it;
    const [held] = (await server.api('GET', '/runs?status=held')).data;
    await it.goto('/');
    const needs = page.getByRole('list', { name: 'Needs you now' });
    const line = needs.getByRole('link', { name: `A run of ${held.sync_id} is held` });
    await line.waitFor();
    await needs.getByRole('link', { name: 'billing.subscription is halted' }).waitFor();
    await needs.getByRole('link', { name: /of crm\.contact could not be delivered/ }).waitFor();
    await expectAccessible(page);

    await line.click();
    await page.waitForURL(`**/runs/${held.id}?tab=plan`);
    await page.goBack();
    await line.waitFor();
    // Somebody else decides; the page hears of it by itself.
    await server.api('POST', `/runs/${held.id}/reject`, {});
    await line.waitFor({ state: 'detached' });
  });

  test('the marks of the navigation count what waits, as the API does', async () => {
    const { page, server } = it;
    const { attention } = await server.api('GET', '/health?window=24h');
    await it.goto('/');
    const pages = page.getByRole('navigation', { name: 'Pages' });
    await pages
      .getByRole('link', { name: 'Dead letters' })
      .getByText(String(attention.open_dead_letters), { exact: true })
      .waitFor();
    const waiting = attention.held_runs + attention.halted_syncs.length;
    await pages.getByRole('link', { name: 'Overview' }).getByText(String(waiting), { exact: true }).waitFor();
  });

  test('a run that goes on appears with a bar, and among the recent runs when it ends', async () => {
    const { page, server } = it;
    await it.goto('/');
    const run = await server.api('POST', '/syncs/stock.availability/trigger', { cursor: 'full' });
    const begun = await until(
      () => server.api('GET', `/runs/${run.id}`),
      ({ status, phase }) => status === 'held' || phase === 'writing',
    );
    // Where the workspace was put back, its targets are new files: a guard asks before it writes to them.
    if (begun.status === 'held') await server.api('POST', `/runs/${run.id}/approve`, {});
    const now = page.getByRole('list', { name: 'Going on now' });
    const line = now.locator('li', { has: page.locator(`a[href="/runs/${run.id}"]`) });
    await line.getByRole('progressbar').waitFor();
    await server.api('POST', `/runs/${run.id}/cancel`, {});
    await line.waitFor({ state: 'detached' });
    const recent = page.getByRole('region', { name: 'Runs' });
    await recent
      .locator('tr', { has: page.locator(`a[href="/runs/${run.id}"]`) })
      .getByText('Cancelled')
      .waitFor();
  });

  test('recent runs are the latest whose turn came, also where they were scheduled long before', async () => {
    const { page, server } = it;
    await it.goto('/');
    const links = page.getByRole('region', { name: 'Runs' }).locator('tbody a[href^="/runs/"]');
    await links.nth(9).waitFor();
    const paths = await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    const runs = await Promise.all(paths.map((path) => server.api('GET', path ?? '')));
    const turns = runs.map(({ run_at, created_at }) =>
      Math.max(Date.parse(run_at ?? created_at), Date.parse(created_at)),
    );
    expect(turns).toEqual(turns.toSorted((a, b) => b - a));
  });

  test('figures of the day are those of the API, and lead to their runs', async () => {
    const { page, server } = it;
    const health = await server.api('GET', '/health?window=24h');
    await it.goto('/');
    const figure = (name: string) => page.locator('dl > div', { has: page.getByText(name, { exact: true }) });
    await figure('Runs').getByText(String(health.total_runs), { exact: true }).waitFor();
    await figure('Syncs with errors')
      .getByText(String(health.syncs_with_errors.length), { exact: true })
      .waitFor();
    await figure('Runs').getByRole('link').click();
    await page.waitForURL('**/runs?since=24h');
  });

  test('it can be read on a phone, in the dark', async () => {
    const options = { width: 390, height: 800, colorScheme: 'dark' as const };
    const { page } = await signedIn(it.server, it.browser, options);
    await page.getByRole('list', { name: 'Needs you now' }).getByRole('link').first().waitFor();
    await page.getByRole('region', { name: 'Runs' }).getByRole('row').nth(5).waitFor();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBe(390);
    await expectAccessible(page);
    await page.context().close();
  });
});

const PEOPLE = ['id,name,age', '1,Ada,36', '2,Grace,85', '3,Alan,41', ''].join('\n');
const PROJECT = {
  'syncline.yaml': [
    'connections:',
    '  here: { type: files, path: data }',
    '  there: { type: files, path: out }',
  ].join('\n'),
  'data/people.csv': PEOPLE,
  'out/.keep': '',
};
const SYNC = [
  'instance: staff',
  'source: here',
  'target: there',
  'entities:',
  '  person:',
  '    model: { file: people.csv, key: id }',
  '    to: { object: people.csv }',
  '    mapping: { id: id, name: name, age: cast(age as int) }',
].join('\n');

describe('the overview of a new workspace', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ files: PROJECT });
  });

  test('says what to do first, then that all is calm, then what went wrong', async () => {
    const { page, server } = it;
    await it.goto('/');
    await page.getByText('Nothing is synced yet').waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'New sync' }).waitFor();

    await mkdir(join(server.folder, 'syncs'));
    await writeFile(join(server.folder, 'syncs/staff.yaml'), SYNC);
    await page.getByText('Nothing needs you now').waitFor();
    await page.getByText('Nothing ran yet').waitFor();
    await page.getByText('No runs in this time').waitFor();
    await expectAccessible(page);

    await server.api('POST', '/syncs/staff.person/trigger', {});
    await page.getByRole('region', { name: 'Runs' }).getByText('Completed').waitFor();
    await writeFile(join(server.folder, 'data/people.csv'), `${PEOPLE}4,Barbara,unknown\n`);
    const run = await server.api('POST', '/syncs/staff.person/trigger', {});
    await page.getByRole('link', { name: 'staff.person has errors for the first time' }).waitFor();
    await page.getByRole('link', { name: '1 record of staff.person could not be delivered' }).waitFor();
    const ended = await until(
      () => server.api('GET', `/runs/${run.id}`),
      ({ status }) => status === 'completed',
    );
    expect(ended.rows_failed).toBe(1);
    await page.getByRole('link', { name: 'staff.person has errors for the first time' }).click();
    await page.waitForURL(`**/runs/${run.id}?tab=errors`);
  });
});
