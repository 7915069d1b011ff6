import { beforeAll, describe, expect, test } from 'vitest';
import { isWithinWidth, type RunAnswer, ran, SHOP, settled } from './shop';
import { expectAccessible, signedIn, until, type World, world } from './world';

describe('the sync trigger', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ files: SHOP });
  });

  /** The run whose panel is shown. */
  async function shownRun(): Promise<RunAnswer> {
    await it.page.waitForURL((url) => url.searchParams.has('run'));
    return settled(it, new URL(it.page.url()).searchParams.get('run') ?? '');
  }

  async function choose(label: string, option: string) {
    await it.page.getByRole('combobox', { name: label }).click();
    await it.page.getByRole('option', { name: option, exact: true }).click();
  }

  /** The entity types that are offered for an instance. */
  async function expectEntities(instance: string, pair: string, entities: string[]) {
    await choose('Instance', instance);
    await it.page.getByText(pair).waitFor();
    const field = it.page.getByRole('combobox', { name: 'Entity type' });
    await field.click();
    const list = it.page.getByRole('listbox', { name: 'Entity type' });
    await until(
      () => list.getByRole('option').allInnerTexts(),
      (offered) => offered.length > 0,
    );
    expect(await list.getByRole('option').allInnerTexts()).toEqual(entities);
    await it.page.keyboard.press('Escape');
  }

  function panel() {
    return it.page.getByRole('region', { name: 'Run status' });
  }

  test('an instance offers only its own entity types', async () => {
    await it.goto('/trigger');
    await expectAccessible(it.page);
    await expectEntities('office', 'From gone to lake.', ['note']);
    await expectEntities('shop', 'From shop to lake.', ['item', 'price']);
  });

  test('chosen records are run at once, and the panel outlives a reload', async () => {
    await it.goto('/trigger');
    await choose('Instance', 'shop');
    await choose('Entity type', 'item');
    const ids = it.page.getByLabel('Source IDs');
    await ids.fill('A001, "B,1');
    await it.page.getByText('are not closed').waitFor();
    expect(await it.page.getByRole('button', { name: 'Trigger sync' }).isDisabled()).toBe(true);
    await ids.fill('A001, "B,1", A001');
    await it.page.getByText('2 records chosen').waitFor();
    await it.page.getByLabel('Max entities').fill('1');
    await it.page.getByText(/^Writes 1 record of/).waitFor();
    await it.page.getByLabel('Max entities').fill('');
    await it.page.getByRole('radio', { name: /^One time/ }).click();
    await it.page.getByRole('radio', { name: /^Reset cursor/ }).click();
    await it.page.getByLabel('Batch size').fill('50');
    await it.page.getByRole('button', { name: 'Trigger sync' }).click();
    await panel().getByText('Succeeded').first().waitFor();
    const run = await shownRun();
    expect(run).toMatchObject({ type: 'one_time', trigger: 'manual', rows_processed: 2, rows_created: 2 });
    expect(run.options).toMatchObject({
      source_ids: ['A001', 'B,1'],
      read_mode: 'reset',
      batch_size: 50,
      max_entities: null,
    });
    await it.page.reload();
    await panel().getByText('Succeeded').first().waitFor();
    await panel()
      .getByText(/^Completed in .*: 2 rows read, 2 created\.$/)
      .waitFor();
    await expectAccessible(it.page);
  });

  test('a partial success counts what failed, and leads to it', async () => {
    await it.goto('/trigger?instance=shop&entity=item');
    await it.page.getByRole('button', { name: 'Trigger sync' }).click();
    await panel().getByText('Partial success').first().waitFor();
    const run = await shownRun();
    expect(run).toMatchObject({ type: 'sync', rows_processed: 300, rows_failed: 19 });
    await panel().getByRole('link', { name: 'Run history' }).waitFor();
    await panel().getByRole('link', { name: 'Dead letter queue' }).waitFor();
    await expectAccessible(it.page);
    await panel().getByRole('link', { name: '19 errors' }).click();
    await it.page.waitForURL(`**/runs/${run.id}?tab=errors`);
    await it.page.getByText('1–19 of 19').waitFor();
  });

  test('a run that fails says why in its panel', async () => {
    await it.goto('/trigger?instance=shop&entity=price&type=test');
    await it.page.getByRole('button', { name: 'Trigger sync' }).click();
    await panel().getByText("no file matches 'prices.csv'").waitFor();
    expect(await shownRun()).toMatchObject({ type: 'test', status: 'failed' });
    await expectAccessible(it.page);
  });

  test('a reseed says how many records go, and wants the id of the sync typed', async () => {
    await it.goto('/trigger?instance=shop&entity=item&type=seed');
    await it.page.getByLabel(/^Reseed/).check();
    await it.page.getByText('281 records will be removed from lake').waitFor();
    const button = it.page.getByRole('button', { name: 'Trigger sync' });
    expect(await button.isDisabled()).toBe(true);
    await it.page.getByLabel('Type shop.item to confirm').fill('shop.items');
    expect(await button.isDisabled()).toBe(true);
    await expectAccessible(it.page);
    await it.page.getByLabel('Type shop.item to confirm').fill('shop.item');
    await button.click();
    const run = await shownRun();
    expect(run).toMatchObject({ type: 'seed', status: 'completed', rows_created: 281 });
    expect(run.options.reseed).toBe(true);
    await panel().getByText('Partial success').first().waitFor();
  });

  test('who may only look can trigger nothing', async () => {
    const { secret } = await it.server.api('POST', '/tokens', { name: 'looker', role: 'viewer' });
    const looker = await signedIn(it.server, it.browser, {}, secret);
    await looker.page.goto(`${it.server.url}/trigger?instance=shop&entity=item`);
    const button = looker.page.getByRole('button', { name: 'Trigger sync' });
    await button.waitFor();
    expect(await button.isDisabled()).toBe(true);
    await looker.page.context().close();
  });

  test('it is used on a phone, and in the dark', async () => {
    const run = await ran(it, 'shop.item');
    const phone = await signedIn(it.server, it.browser, { width: 390, height: 800, colorScheme: 'dark' });
    await phone.page.goto(`${it.server.url}/trigger?instance=shop&entity=item&run=${run.id}`);
    await phone.page.getByRole('region', { name: 'Run status' }).getByText('Run detail').waitFor();
    expect(await isWithinWidth({ ...it, page: phone.page })).toBe(true);
    await expectAccessible(phone.page);
    await phone.page.context().close();
  });
});
