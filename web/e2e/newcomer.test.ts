import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { told, until, type World, world } from './world';

const CUSTOMERS = `id,name,email,mrr
1,Ada Lovelace,ada@example.com,1200.00
2,Grace Hopper,grace@example.com,950.00
3,Alan Turing,alan@example.com,tbd
`;

/** One person's way from an empty project to a sync that runs by itself, by clicks alone. */
describe('a newcomer', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ files: { 'syncline.yaml': '# nothing yet\n', 'data/customers.csv': CUSTOMERS } });
  });

  async function connection(type: RegExp, name: string, path: string, create: boolean) {
    const { page } = it;
    await it.goto('/new-connection');
    await page.getByRole('radio', { name: type }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill(name);
    await page.getByRole('textbox', { name: 'Path' }).fill(path);
    if (create) await page.getByLabel('Create').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
  }

  async function runs() {
    return (await it.server.api('GET', '/syncs/crm.customers/runs')).data;
  }

  test('connects two systems and pairs them', async () => {
    const { page } = it;
    await connection(/CSV, JSON Lines/, 'warehouse', 'data', false);
    await connection(/SQLite/, 'crm', 'data/crm.db', true);
    await it.goto('/instances');
    await page.getByRole('button', { name: 'New instance' }).first().click();
    const form = page.getByRole('dialog');
    await form.getByRole('textbox', { name: 'Name' }).fill('crm');
    await form.getByRole('combobox', { name: 'Source' }).click();
    await page.getByRole('option', { name: /warehouse/ }).click();
    await form.getByRole('combobox', { name: 'Target' }).click();
    await page.getByRole('option', { name: /crm/ }).click();
    await form.getByRole('button', { name: 'Make it' }).click();
    await page.waitForURL('**/new-sync?instance=crm');
  });

  test('makes a sync, seeing in the preview which row will not arrive', async () => {
    const { page } = it;
    await it.goto('/new-sync?instance=crm&file=customers.csv');
    await page.getByRole('combobox', { name: 'Key' }).fill('id');
    await page.keyboard.press('Enter');
    await page.getByRole('combobox', { name: 'Table, object or file' }).fill('customers');
    await page.getByRole('button', { name: /Add \d fields of equal name/ }).click();
    await page.getByText('3 rows would be sent').waitFor();
    await page.getByLabel('Expression of mrr').fill('cast(mrr as double)');
    await page.getByText('2 rows would be sent').waitFor();
    await page.getByText('Interval').click();
    await page.getByRole('combobox', { name: 'Every' }).fill('1h');
    await page.getByText('No problems found').waitFor();
    await page.getByRole('button', { name: 'Save, then test' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click();
    await page.waitForURL('**/syncs/crm.customers*');
  });

  test('tests, runs once, and is led to the errors', async () => {
    const { page } = it;
    const way = page.getByRole('region', { name: 'The way to an active sync' });
    if ((await runs()).length === 0) await way.getByRole('button', { name: 'Run a test' }).click();
    await way.getByRole('button', { name: 'Run one time' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Write once' }).click();
    await until(runs, (all) => all[0]?.type === 'one_time' && all[0].status === 'completed');
    await way.getByRole('link', { name: 'review them' }).click();
    await page.waitForURL(/\/runs\/run_.*tab=errors/);
    await page.getByRole('cell', { name: 'tbd', exact: true }).waitFor();
    await page.locator('main a[href^="/api/errors/"]').first().waitFor();
  });

  test('corrects the record and sends it again', async () => {
    const { page } = it;
    await it.goto('/dead-letters?view=records');
    await page.getByRole('link', { name: '3', exact: true }).click();
    await page.waitForURL(/\/dead-letters\/dl_/);
    await page.getByRole('button', { name: /^Edit/ }).first().click();
    await page.getByRole('textbox', { name: 'mrr', exact: true }).fill('40.5');
    await page.getByRole('button', { name: 'Save' }).click();
    await told(page, 'The payload was edited');
    await page.getByRole('button', { name: 'Replay…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio', { name: /edited/i }).click();
    await dialog.getByRole('button', { name: 'Replay 1 record' }).click();
    await until(
      () => it.server.api('GET', '/dead-letters?sync_id=crm.customers'),
      ({ data }) => data[0]?.state === 'resolved_replay',
    );
    await page.getByText('Resolved by replay').first().waitFor();
  });

  test('sees that nothing is left, and lets it run by itself', async () => {
    const { page } = it;
    await it.goto('/syncs/crm.customers');
    const way = page.getByRole('region', { name: 'The way to an active sync' });
    await way.getByRole('button', { name: /^Test/ }).first().click();
    await until(runs, (all) => all[0]?.type === 'test' && all[0].status === 'completed');
    await way.getByRole('button', { name: 'Activate' }).click();
    await until(
      () => it.server.api('GET', '/syncs/crm.customers'),
      (sync) => sync.state === 'active' && sync.next_run_at,
    );
    await page.getByText('Active', { exact: true }).first().waitFor();
    await it.goto('/schedules');
    await page.getByText('crm.customers').first().waitFor();
  });

  test('sees in the trends that the source grew suddenly, and why that may be', async () => {
    const { page } = it;
    const trigger = async () => {
      const { length } = await runs();
      await it.goto('/trigger?instance=crm&entity=customers');
      await page.getByRole('button', { name: 'Trigger sync' }).click();
      await page
        .getByText(/^Succeeded/)
        .first()
        .waitFor();
      await until(runs, (all) => all.length > length && all[0]?.status === 'completed');
    };
    for (let n = 0; n < 3; n += 1) await trigger();
    const grown = Array.from({ length: 50 }, (_, n) => `${n + 10},Customer ${n},c${n}@example.com,${n}`);
    const corrected = CUSTOMERS.replace('tbd', '40.5');
    await writeFile(join(it.server.folder, 'data/customers.csv'), `${corrected}${grown.join('\n')}\n`);
    await trigger();
    await it.goto('/syncs/crm.customers?tab=trends');
    const rows = page.getByRole('figure', { name: 'Rows processed' });
    await rows.getByText('53 in the last run').waitFor();
    await page
      .getByText(/53 rows, usually 3/)
      .first()
      .waitFor();
    await page.getByText('Likely causes').first().waitFor();
  });
});
