import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, signedIn, type World, world } from './world';

describe('sync health', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ quiet: true });
  });

  const figure = (name: string) =>
    it.page.locator('dl > div', { has: it.page.getByText(name, { exact: true }) });

  test('tells of each window what the API does', async () => {
    await it.goto('/insights');
    for (const [window, words] of [
      ['24h', '24 hours'],
      ['7d', '7 days'],
      ['30d', '30 days'],
    ] as const) {
      await it.page.getByText(words, { exact: true }).click();
      await it.page.getByRole('heading', { name: `Last ${words}` }).waitFor();
      const health = await it.server.api('GET', `/health?window=${window}`);
      const total = health.total_runs.toLocaleString('en');
      await figure('Total runs').getByText(total, { exact: true }).waitFor();
      await figure('Rows synced')
        .getByText(health.rows_synced.toLocaleString('en'), { exact: true })
        .waitFor();
      await figure('Syncs with errors')
        .getByText(String(health.syncs_with_errors.length), { exact: true })
        .waitFor();
    }
    expect(new URL(it.page.url()).searchParams.get('window')).toBe('30d');
    await expectAccessible(it.page);
  });

  test('each bar of the chart tells its period and leads to its runs', async () => {
    await it.goto('/insights?window=30d');
    const bar = it.page
      .getByRole('list', { name: 'Runs by status over time' })
      .getByRole('link', { name: /failed/ })
      .first();
    await bar.hover();
    await it.page
      .getByRole('tooltip')
      .getByText(/failed/)
      .waitFor();
    const href = new URL((await bar.getAttribute('href')) ?? '', it.server.url);
    await bar.click();
    await it.page.getByRole('heading', { name: 'Run history', level: 1 }).waitFor();
    expect(it.page.url()).toBe(href.toString());
    expect(href.searchParams.get('by')).toBe('end');
    const runs = it.page.getByRole('region', { name: 'Runs' });
    await runs
      .getByText(/^(Failed|Source failure)$/)
      .first()
      .waitFor();
    await it.page.getByRole('button', { name: /^Any time: Ended:/ }).waitFor();
  });

  test('a table tells of each sync; it can show those with errors only', async () => {
    await it.goto('/insights?window=30d');
    const table = it.page.getByRole('region', { name: 'Syncs in figures' });
    await table.getByText('crm.company', { exact: true }).waitFor();
    await it.page.getByText('With errors', { exact: true }).click();
    const { syncs_with_errors } = await it.server.api('GET', '/health?window=30d');
    await table.getByText('newsletter.consent', { exact: true }).waitFor({ state: 'detached' });
    expect(await table.locator('tbody tr').count()).toBe(syncs_with_errors.length);
    expect(it.page.url()).toContain('only=errors');
    await table.getByRole('link', { name: syncs_with_errors[0] }).click();
    await it.page.waitForURL(`**/syncs/${syncs_with_errors[0]}?tab=trends`);
  });

  test('sudden changes stand with their likely causes', async () => {
    await it.goto('/insights?window=30d&only=errors');
    const changes = it.page.getByRole('region', { name: 'Sudden changes' });
    const link = changes.locator('a[href^="/runs/"]').first();
    const run = (await link.getAttribute('href'))?.split('/').at(-1);
    const { sync_id } = await it.server.api('GET', `/runs/${run}`);
    const { points } = await it.server.api('GET', `/syncs/${sync_id}/trends?runs=200`);
    const flags = points.find((point: { run_id: string }) => point.run_id === run).flags;
    const change = changes.locator('li', { has: it.page.locator(`a[href="/runs/${run}"]`) }).first();
    const shown = (await change.textContent()) ?? '';
    const told = flags.find((flag: { message: string }) => shown.includes(flag.message));
    expect(told, shown).toBeDefined();
    expect(shown).toContain(told.likely_causes[0]);
  });

  test('it can be read on a phone, in the dark', async () => {
    const options = { width: 390, colorScheme: 'dark' as const };
    const { page } = await signedIn(it.server, it.browser, options);
    await page.goto(`${it.server.url}/insights?window=30d`);
    await page.getByRole('region', { name: 'Syncs in figures' }).getByText('crm.company').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await expectAccessible(page);
    await page.context().close();
  });
});
