import { beforeAll, describe, expect, test } from 'vitest';
import { syncline } from './program';
import { expectAccessible, signedIn, until, WAIT, type World, world } from './world';

describe('around every page', () => {
  let it: World;
  beforeAll(async () => {
    it = await world();
  });

  test('a wrong token is refused, the right one opens a session that outlives a reload', async () => {
    const context = await it.browser.newContext();
    context.setDefaultTimeout(WAIT);
    const page = await context.newPage();
    await page.goto(`${it.server.url}/syncs`);
    await page.getByLabel('Token').fill('sl_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('this token is not valid').waitFor();
    await expectAccessible(page);
    // The command that it tells of makes a token that is right.
    const [, ...command] = ((await page.locator('code').textContent()) ?? '').split(' ');
    const made = JSON.parse(await syncline(it.server.folder, ...command, '--output', 'json'));
    await page.getByLabel('Token').fill(made.secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Syncs', level: 1 }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Syncs', level: 1 }).waitFor();
    await context.close();
  });

  test('a token in the address signs in and is taken out of it', async () => {
    const { page } = await signedIn(it.server, it.browser);
    expect(page.url()).not.toContain('token');
    await page.context().close();
  });

  test('a lost server is shown, and what happened meanwhile appears without a reload', async () => {
    await it.goto('/runs');
    await it.server.stop();
    await it.page.getByText('No connection to the server').waitFor();
    await it.server.startAgain();
    await it.page.getByText('No connection to the server').waitFor({ state: 'detached' });
    const { id } = await it.server.api('POST', '/syncs/crm.contact/trigger', { type: 'test' });
    await it.page.locator(`a[href="/runs/${id}"]`).waitFor();
  });

  test('the search opens also when its keys are pressed before it has come', async () => {
    let letCome = () => {};
    const wanted = new Promise<void>((resolve) => {
      letCome = resolve;
    });
    const code = /\/Palette[^/]*\.js$/;
    await it.page.route(code, async (route) => {
      await wanted;
      await route.continue();
    });
    await it.goto('/');
    await it.page.keyboard.press('Control+k');
    letCome();
    await it.page.getByPlaceholder(/Pages, syncs/).waitFor();
    await it.page.unroute(code);
  });

  test('pages are reached by keyboard alone', async () => {
    await it.goto('/');
    // The second key must follow the first soon, which a machine with much to do may miss.
    await until(
      async () => {
        await it.page.keyboard.press('g');
        await it.page.keyboard.press('d');
        return new URL(it.page.url()).pathname;
      },
      (path) => path === '/dead-letters',
    );
    await it.page.getByRole('heading', { name: 'Dead letter queue', level: 1 }).waitFor();
    await it.page.keyboard.press('Control+k');
    await it.page.getByPlaceholder(/Pages, syncs/).fill('crm.contact');
    await it.page
      .getByRole('button', { name: /crm\.contact/ })
      .first()
      .waitFor();
    await it.page.keyboard.press('Enter');
    await it.page.waitForURL('**/syncs/crm.contact');
  });
});
