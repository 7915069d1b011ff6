import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, signedIn, until, type World, world } from './world';

describe('tokens and what they did', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ files: { 'syncline.yaml': 'connections:\n  files: { type: files, path: . }\n' } });
  });

  async function asks(secret: string) {
    return fetch(`${it.server.url}/api/v1/session`, { headers: { authorization: `Bearer ${secret}` } });
  }

  test('a token is made, shown once, works, and ends when it is revoked', async () => {
    const { page } = it;
    await it.goto('/tokens');
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByLabel('Name').fill('deploy');
    await page.getByRole('radio', { name: 'operator' }).click();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Make the token' }).click();
    const secret = (await page.getByText(/^sl_/).textContent()) ?? '';
    expect(await (await asks(secret)).json()).toMatchObject({ name: 'deploy', role: 'operator' });
    await page.getByRole('button', { name: 'Done' }).click();
    expect(await page.getByText(secret).count()).toBe(0);
    const row = page.getByRole('row', { name: /deploy/ });
    await row.getByText('Active').waitFor();
    const { token_id: id } = await (await asks(secret)).json();
    await until(
      () => it.server.api('GET', '/tokens'),
      ({ data }) => data.find((token: { id: string }) => token.id === id).last_used_at !== null,
    );
    await page.reload();
    await row
      .locator('td')
      .nth(4)
      .getByText(/now|ago/)
      .waitFor();
    await row.getByRole('button', { name: 'Revoke deploy' }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).last().click();
    await row.getByText('Revoked').waitFor();
    expect((await asks(secret)).status).toBe(401);
    await expectAccessible(page);
  });

  test('whoever is signed in with a revoked token is asked for another, and goes on in place', async () => {
    const { id, secret } = await it.server.api('POST', '/tokens', { name: 'short', role: 'operator' });
    const { page } = await signedIn(it.server, it.browser, {}, secret);
    await page.goto(`${it.server.url}/tokens`);
    await page.getByText('Only for the role admin').waitFor();
    await it.server.api('DELETE', `/tokens/${id}`);
    // Nobody has to ask anything: the stream of events ends, and the page learns why.
    await page.getByText('Your session ended').waitFor();
    await page.getByLabel('Token').fill(it.server.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('row', { name: /short.*Revoked/ }).waitFor();
    await page.context().close();
  });

  test('the log tells it, in full, and is whole', async () => {
    const { page } = it;
    await it.goto('/audit');
    await page.getByLabel(/^Action/).fill('tokens.delete');
    await page
      .getByRole('row', { name: /tokens\.create/ })
      .first()
      .waitFor({ state: 'detached' });
    expect(new URL(page.url()).searchParams.get('action')).toBe('tokens.delete');
    await expectAccessible(page);
    await page.getByRole('table').getByRole('link').first().click();
    const record = page.getByRole('dialog');
    await record.getByText('tokens.delete').waitFor();
    const { data } = await it.server.api('GET', '/audit?action=tokens.delete&per_page=1');
    await record.getByText(data[0].hash).waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText('The log is whole').waitFor();
  });
});
