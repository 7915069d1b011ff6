import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, signedIn, until, type World, world } from './world';

describe('schedules', () => {
  let it: World;
  beforeAll(async () => {
    it = await world();
  });

  const table = () => it.page.getByRole('region', { name: 'Schedules', exact: true });
  const row = (id: string) =>
    table()
      .getByRole('row')
      .filter({ has: it.page.getByRole('link', { name: id, exact: true }) });

  test('say in words when syncs run', async () => {
    await it.goto('/schedules');
    await row('crm.order').getByText('Every 1m').waitFor();
    await row('shop.product').getByText('Daily at 05:00').waitFor();
    await row('shop.product').getByText('Europe/Berlin').waitFor();
    await row('newsletter.consent').getByText('Monday to Friday at 06:00').waitFor();
    await row('shop.product').getByText('up to 5m').waitFor();
    await row('crm.contact').getByText('when it completes').waitFor();
    await expectAccessible(it.page);
  });

  test('show what fires in the next day', async () => {
    await it.goto('/schedules');
    await it.page.getByRole('img', { name: 'shop.product: 1 fire in the next 24 hours' }).waitFor();
    await it.page.getByRole('img', { name: /^crm\.company: 7\d\d fires/ }).waitFor();
    expect(await it.page.getByRole('img', { name: /^crm\.lead:/ }).count()).toBe(0);
  });

  test('list the next ten fires and the missed ones, in the address', async () => {
    const { next_fires } = await it.server.api('GET', '/syncs/crm.order/schedule');
    await it.goto('/schedules');
    await it.page.getByRole('button', { name: 'Fires of crm.order' }).click();
    const fires = it.page.getByRole('region', { name: 'Next fires' });
    await fires.waitFor();
    expect(await fires.getByRole('listitem').count()).toBe(next_fires.length);
    await it.page.waitForURL('**/schedules?open=crm.order');
    await it.page.reload();
    await fires.waitFor();
    const schedules = (await it.server.api('GET', '/schedules?per_page=200')).data;
    const missed = schedules.find((sync: { missed: unknown[] }) => sync.missed.length > 0);
    if (missed) {
      await it.goto(`/schedules?open=${missed.sync_id}`);
      const list = it.page.getByRole('region', { name: 'Missed fires' });
      await list.locator(`a[href="/runs/${missed.missed[0].id}"]`).waitFor();
      expect(await list.getByRole('listitem').count()).toBe(missed.missed.length);
    }
    await expectAccessible(it.page);
  });

  test('a sync that is activated gets its next run, and a place in the day', async () => {
    await it.goto('/schedules');
    await row('crm.lead').getByRole('button', { name: 'Activate crm.lead' }).click();
    await row('crm.lead').getByText('Active', { exact: true }).waitFor();
    await it.page.getByRole('img', { name: /^crm\.lead: \d+ fires? in the next 24 hours/ }).waitFor();
    // While a run that was overdue goes on, the next one is not there yet.
    await until(
      () => it.server.api('GET', '/syncs/crm.lead'),
      ({ state, next_run_at }) => state === 'active' && next_run_at !== null,
    );
  });

  test('can be read on a phone, in the dark', async () => {
    const options = { width: 390, colorScheme: 'dark' as const };
    const { page } = await signedIn(it.server, it.browser, options);
    await page.goto(`${it.server.url}/schedules?open=crm.order`);
    await page.getByRole('region', { name: 'Next fires' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await expectAccessible(page);
    await page.context().close();
  });
});
