import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, signedIn, told, until, type World, world } from './world';

describe('the list of syncs', () => {
  let it: World;
  beforeAll(async () => {
    it = await world();
  });

  const table = () => it.page.getByRole('region', { name: 'Syncs', exact: true });
  const row = (id: string) =>
    table()
      .getByRole('row')
      .filter({ has: it.page.getByText(id, { exact: true }) });

  test('shows how each sync stands, as the API does', async () => {
    await it.goto('/syncs');
    const { pagination } = await it.server.api('GET', '/syncs?per_page=200');
    await row('crm.company').waitFor();
    expect(await table().locator('tbody tr').count()).toBe(pagination.total);
    // It goes on running meanwhile: the two agree again after each of its runs.
    await until(
      async () => {
        const { delivered } = await it.server.api('GET', '/syncs/crm.contact');
        return row('crm.contact').getByText(delivered.toLocaleString('en'), { exact: true }).count();
      },
      (shown) => shown > 0,
    );
    await row('billing.subscription').getByText('Halted').waitFor();
    await row('crm.contact')
      .getByRole('img', { name: /Rows per run/ })
      .waitFor();
    await expectAccessible(it.page);
  });

  test('filters stand in the address and outlive a reload', async () => {
    await it.goto('/syncs');
    await it.page.keyboard.press('/');
    await it.page.keyboard.type('crm');
    await row('shop.product').waitFor({ state: 'detached' });
    await it.page.waitForURL('**/syncs?q=crm');
    await it.page.getByRole('combobox', { name: 'State' }).click();
    await it.page.getByRole('option', { name: 'Inactive' }).click();
    await row('crm.company').waitFor({ state: 'detached' });
    await row('crm.lead').waitFor();
    await it.page.reload();
    await row('crm.lead').waitFor();
    expect(await table().locator('tbody tr').count()).toBe(1);
    await it.page.getByRole('textbox', { name: 'Find a sync' }).fill('there is none');
    await it.page.getByText('No sync matches these filters').waitFor();
    await it.page.getByRole('button', { name: 'Show all syncs' }).click();
    await row('shop.product').waitFor();
    expect(new URL(it.page.url()).search).toBe('');
  });

  test('a sync is deactivated after a question, and activated again', async () => {
    const state = async () => (await it.server.api('GET', '/syncs/newsletter.consent')).state;
    await it.goto('/syncs');
    await row('newsletter.consent').getByRole('button', { name: 'Deactivate newsletter.consent' }).click();
    const question = it.page.getByRole('dialog', { name: 'Deactivate newsletter.consent?' });
    await question.getByText(/its next run, due in .*, is removed/).waitFor();
    await expectAccessible(it.page);
    await question.getByRole('button', { name: 'Leave it active' }).click();
    await question.waitFor({ state: 'detached' });
    expect(await state()).toBe('active');

    await row('newsletter.consent').getByRole('button', { name: 'Deactivate newsletter.consent' }).click();
    await question.getByRole('button', { name: 'Deactivate', exact: true }).click();
    await row('newsletter.consent').getByText('Inactive').waitFor();
    expect(await state()).toBe('inactive');
    await row('newsletter.consent').getByRole('button', { name: 'Activate newsletter.consent' }).click();
    await row('newsletter.consent').getByText('Active', { exact: true }).waitFor();
    expect(await state()).toBe('active');
  });

  test('a halted sync cannot be run by the way; activating it tells why it was halted', async () => {
    await it.goto('/syncs');
    const halted = row('billing.subscription');
    expect(await halted.getByRole('button', { name: /is halted: activate it first/ }).isDisabled()).toBe(
      true,
    );
    await halted.getByRole('button', { name: 'Activate billing.subscription' }).click();
    const { halted: why } = await it.server.api('GET', '/syncs/billing.subscription');
    const question = it.page.getByRole('dialog', { name: 'Activate billing.subscription again?' });
    await question.getByText(why.reason).waitFor();
    await question.getByRole('button', { name: 'Leave it halted' }).click();
  });

  test('a sync is run from the list', async () => {
    await it.goto('/syncs');
    await row('crm.lead').getByRole('button', { name: 'Run crm.lead now' }).click();
    await told(it.page, 'A run of crm.lead is on its way.');
    const run = await until(
      async () => (await it.server.api('GET', '/syncs/crm.lead/runs?per_page=1')).data[0],
      ({ status }) => status === 'completed' || status === 'held',
    );
    expect(run.type).toBe('sync');
    await row('crm.lead').locator(`a[href="/runs/${run.id}"]`).waitFor();
  });

  test('a viewer sees, and cannot act', async () => {
    const { secret } = await it.server.api('POST', '/tokens', { name: 'guest', role: 'viewer' });
    const { page } = await signedIn(it.server, it.browser, { width: 390 }, secret);
    await page.goto(`${it.server.url}/syncs`);
    const run = page.getByRole('button', { name: 'Run crm.company now' });
    await run.waitFor();
    expect(await run.isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'New sync' }).isDisabled()).toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await expectAccessible(page);
    await page.context().close();
  });
});
