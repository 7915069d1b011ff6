import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, told, type World, world } from './world';

const URL = 'postgres://reader:topsecret@127.0.0.1:9/shop';

describe('connections', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({
      files: {
        'syncline.yaml': 'connections:\n  files: { type: files, path: data }\n',
        'data/customers.csv': 'id,name\n1,Ada\n',
        'data/orders.csv': 'id,total\n1,5\n',
      },
    });
    await it.server.api('POST', '/connections', { name: 'shop', document: { type: 'postgres', url: URL } });
  });

  test('the list says kind, use and origin, and tests a connection where it stands', async () => {
    const { page } = it;
    await it.goto('/connections');
    await page.getByRole('row', { name: /files.*syncline\.yaml/ }).waitFor();
    await page.getByRole('button', { name: 'Test files' }).click();
    await page.getByText(/^Works · checked /).waitFor();
    await page.getByRole('button', { name: 'Test shop' }).click();
    await page.getByText(/^Failed .*: .*127\.0\.0\.1/).waitFor();
    await expectAccessible(page);
    // The server keeps it: it is the same for everybody, and after a reload.
    await page.reload();
    await page.getByText(/^Works · checked /).waitFor();
    await page.getByRole('link', { name: 'shop' }).click();
    const last = page.getByRole('region', { name: 'Last check' }).or(page.getByText('Last check')).first();
    await last.waitFor();
    await page
      .getByText(/does not work/)
      .first()
      .waitFor();
    await expectAccessible(page);
  });

  test('one of a file is read-only and says where it stands', async () => {
    const { page } = it;
    await it.goto('/connections/files?tab=settings');
    await page.getByText('This connection is defined in a file').waitFor();
    expect(await page.getByRole('textbox', { name: 'Path' }).isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Save' }).count()).toBe(0);
  });

  test('objects are found by a part of their name and lead to a new sync', async () => {
    const { page } = it;
    await it.goto('/connections/files');
    await page.getByText('orders.csv').waitFor();
    await page.getByLabel('Find an object').fill('custo');
    await page.getByText('orders.csv').waitFor({ state: 'detached' });
    expect(page.url()).toContain('q=custo');
    await page.getByRole('link', { name: 'Use in a new sync' }).click();
    await page.getByText('First comes an instance').waitFor();
  });

  test('a password is never shown, stays when nothing is given, and is asked for again elsewhere', async () => {
    const { page } = it;
    await it.goto('/connections/shop?tab=settings');
    const url = page.getByLabel('URL', { exact: true });
    expect(await url.inputValue()).toBe('postgres://reader:***@127.0.0.1:9/shop');
    await expectAccessible(page);
    await page.getByLabel('Note').fill('The shop');
    await page.getByRole('button', { name: 'Save' }).click();
    await told(page, 'The connection shop is saved.');
    const shop = await it.server.api('GET', '/connections/shop');
    expect(shop.description).toBe('The shop');
    expect(shop.secrets_set).toEqual(['/url']);
    await url.fill('postgres://reader:***@127.0.0.1:10/shop');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/give this secret again/).waitFor();
    expect(await page.content()).not.toContain('topsecret');
  });

  test('what fails says why and what to do, with its code', async () => {
    const { page } = it;
    await it.goto('/connections/shop');
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await page.getByText('Reading or writing does not work').waitFor();
    await page
      .getByText(/check that the server runs/)
      .first()
      .waitFor();
    await page.getByRole('link', { name: 'source_unreachable' }).first().waitFor();
  });

  test('it is deleted when no sync uses it', async () => {
    const { page } = it;
    await it.goto('/connections/shop');
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL('**/connections');
    const { data } = await it.server.api('GET', '/connections');
    expect(data.map(({ name }: { name: string }) => name)).toEqual(['files']);
  });
});
