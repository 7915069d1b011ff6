import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, type World, world } from './world';

describe('run history', () => {
  let it: World;
  const total = (n: number) => it.page.getByText(new RegExp(`^1–\\d+ of ${n}$`)).waitFor();
  const count = async (query: string) =>
    (await it.server.api('GET', `/runs?per_page=1${query}`)).pagination.total;

  beforeAll(async () => {
    it = await world({ quiet: true });
  });

  test('lists the runs of all syncs, newest first, and is accessible', async () => {
    await it.goto('/runs');
    await total(await count(''));
    const { data } = await it.server.api('GET', '/runs?per_page=50');
    const links = await it.page
      .locator('tbody a[href^="/runs/"]')
      .evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    expect(links).toEqual(data.map(({ id }: { id: string }) => `/runs/${id}`));
    await expectAccessible(it.page);
  });

  test('a run that starts appears without a reload', async () => {
    const { id } = await it.server.api('POST', '/syncs/shop.product/trigger', { type: 'test' });
    const row = it.page.getByRole('row').filter({ has: it.page.locator(`a[href="/runs/${id}"]`) });
    await row.getByText('Completed').waitFor();
    await row.getByRole('link', { name: 'shop.product' }).waitFor();
  });

  test('filters stand in the address, and going back takes them away', async () => {
    await it.page.getByRole('combobox', { name: 'Type' }).click();
    await it.page.getByRole('option', { name: 'Test' }).click();
    await it.page.waitForURL(/type=test/);
    await total(await count('&type=test'));
    await it.page.keyboard.press('Escape');
    await it.page.getByRole('combobox', { name: 'Status' }).click();
    await it.page.getByRole('option', { name: 'Cancelled' }).click();
    await it.page.keyboard.press('Escape');
    await it.page.getByText('No run is like that').waitFor();
    await it.page.getByRole('listbox').waitFor({ state: 'detached' });
    await expectAccessible(it.page);
    await it.page.goBack();
    await total(await count('&type=test'));
    await it.page.getByRole('button', { name: 'Clear filters' }).click();
    await total(await count(''));
  });

  test('runs of one sync are found by its name', async () => {
    await it.goto('/runs?sync=crm.order');
    await total(await count('&sync_id=crm.order'));
    const syncs = await it.page.locator('tbody a[href^="/syncs/"]').allTextContents();
    expect(new Set(syncs)).toEqual(new Set(['crm.order']));
  });

  test('a correlation id finds its run', async () => {
    await it.goto('/runs');
    const [run] = (await it.server.api('GET', '/runs?per_page=1')).data;
    await it.page.keyboard.press('/');
    await it.page.keyboard.type(run.correlation_id);
    await it.page.waitForURL(new RegExp(`q=${run.correlation_id}`));
    await total(1);
    await it.page.locator(`a[href="/runs/${run.id}"]`).waitFor();
  });

  test('only what lies in the time asked for is listed', async () => {
    await it.goto('/runs?until=2020-01-01T00:00:00Z');
    await it.page.getByText('No run is like that').waitFor();
    const runs = (await it.server.api('GET', '/runs?per_page=5')).data;
    const { created_at } = runs.at(-1);
    await it.goto(`/runs?since=${created_at}`);
    await total(await count(`&since=${created_at}`));
  });

  test('a row leads to its run', async () => {
    await it.goto('/runs');
    const [run] = (await it.server.api('GET', '/runs?per_page=1')).data;
    await it.page.locator(`a[href="/runs/${run.id}"]`).click();
    await it.page.waitForURL(`**/runs/${run.id}`);
  });

  test('it fits a phone: only the table scrolls sideways', async () => {
    await it.page.setViewportSize({ width: 390, height: 800 });
    await it.goto('/runs');
    await it.page.locator('tbody a').first().waitFor();
    const [page, window] = await it.page.evaluate(() => [document.body.scrollWidth, innerWidth]);
    expect(page).toBe(window);
    await expectAccessible(it.page);
  });
});
