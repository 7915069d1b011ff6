import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SYNCLINE } from './program';
import { expectAccessible, signedIn, until, type World, world } from './world';

const SCRIPT = '<script>document.title = "taken over"</script>';

describe('dead letters', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({
      files: {
        'syncline.yaml': `
connections:
  files: { type: files, path: data }
  target: { type: sqlite, path: data/target.db, create: true }
`,
        'syncs/crm.yaml': `
instance: crm
source: files
target: target
entities:
  person:
    model: { file: people.csv, key: id, types: { id: int64 } }
    to: { object: person, match: id }
    write_mode: upsert
    mapping: { id: id, name: name, age: cast(age as bigint) }
    guards: { max_invalid: 100% }
`,
        'data/people.csv': `id,name,age\n1,Ada,36\n2,Bob,abc\n3,Cy,def\n4,Dee,ghi\n5,"${SCRIPT.replaceAll('"', '""')}",jkl\n`,
      },
      prepare: (folder) => {
        execFileSync(SYNCLINE, ['check', 'crm.person', '--create'], { cwd: folder, stdio: 'ignore' });
      },
    });
    const { id } = await it.server.api('POST', '/syncs/crm.person/trigger', { type: 'sync' });
    await until(
      () => it.server.api('GET', `/runs/${id}`),
      (run) => run.status === 'completed' && run.rows_failed === 4,
    );
  });

  async function letterOf(key: string) {
    const { data } = await it.server.api('GET', `/dead-letters?key=${key}`);
    return data[0];
  }

  test('they stand by error first, and lead to their records', async () => {
    const { page } = it;
    await it.goto('/dead-letters');
    const group = page.getByRole('table').getByRole('row').nth(1);
    await group.getByRole('cell', { name: '4', exact: true }).first().waitFor();
    await group.getByText('crm.person').waitFor();
    await expectAccessible(page);
    await group.getByRole('link').first().click();
    await page.getByRole('checkbox', { name: 'Choose the record 5' }).waitFor();
    expect(page.url()).toContain('fingerprint=');
    expect(await page.getByRole('checkbox', { name: /Choose the record/ }).count()).toBe(4);
    await page.getByLabel('Key of a record').fill('3');
    await page.getByRole('checkbox', { name: 'Choose the record 5' }).waitFor({ state: 'detached' });
    expect(page.url()).toContain('key=');
    await expectAccessible(page);
  });

  test('values of rows stay text', async () => {
    const { page } = it;
    const { id } = await letterOf('5');
    await it.goto(`/dead-letters/${id}`);
    await page.getByText(SCRIPT).first().waitFor();
    expect(await page.title()).toContain('person 5');
    await expectAccessible(page);
  });

  test('a payload is corrected with errors at its fields, tried dry, and replayed', async () => {
    const { page } = it;
    const { id } = await letterOf('2');
    await it.goto(`/dead-letters/${id}`);
    await page.getByRole('button', { name: 'Edit payload' }).click();
    await page.getByRole('textbox', { name: 'age', exact: true }).fill('old');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('[aria-invalid=true]').waitFor();
    expect(await page.locator('[aria-invalid=true]').inputValue()).toBe('old');
    expect((await letterOf('2')).edited).toBeNull();
    await page.getByRole('textbox', { name: 'age', exact: true }).fill('44');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Edited payload' }).waitFor();
    expect(Number((await letterOf('2')).edited.payload.age)).toBe(44);

    await page.getByRole('button', { name: 'Replay…' }).click();
    expect(await page.getByRole('radio', { name: /As edited/ }).isChecked()).toBe(true);
    await page.getByText('The record can be replayed, in 1 run.').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Dry run first' }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /create, 3 fields/ })
      .waitFor();
    expect((await letterOf('2')).state).toBe('open');
    await page.getByRole('button', { name: 'Replay 1 record' }).click();
    await page.getByRole('dialog').getByText('Letters of what was delivered are resolved.').waitFor();
    expect((await letterOf('2')).state).toBe('resolved_replay');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
    await page.getByText('Resolved by replay').waitFor();
  });

  test('what was repaired at the source is read again for those who are chosen', async () => {
    const { page } = it;
    const file = join(it.server.folder, 'data/people.csv');
    await writeFile(file, (await readFile(file, 'utf8')).replace('3,Cy,def', '3,Cy,33'));
    await it.goto('/dead-letters?view=records');
    await page.getByRole('checkbox', { name: 'Choose the record 3' }).click();
    await page.getByText('1 record chosen').waitFor();
    await page.getByRole('button', { name: 'Replay…', exact: true }).click();
    await page.getByRole('radio', { name: /As captured/ }).click();
    await page.getByText('This record cannot be replayed like this.').waitFor();
    await page.getByRole('radio', { name: /Read again/ }).click();
    await page.getByLabel('Pace').fill('5');
    await page.getByRole('button', { name: 'Replay 1 record' }).click();
    await page.getByRole('dialog').getByText('Letters of what was delivered are resolved.').waitFor();
    expect((await letterOf('3')).state).toBe('resolved_replay');
    const { options } = await it.server
      .api('GET', '/runs?type=replay&per_page=1')
      .then(({ data }) => it.server.api('GET', `/runs/${data[0].id}`));
    expect(options.replay).toMatchObject({ mode: 'reread', letters: 1, per_second: 5 });
  });

  test('they are ignored, opened again and closed by hand', async () => {
    const { page } = it;
    async function decide(word: string, reason?: string) {
      await page.getByRole('checkbox', { name: 'Choose the record 4' }).click();
      await page.getByRole('button', { name: 'More' }).last().click();
      await page.getByRole('menuitem', { name: `${word}…` }).click();
      await page.getByRole('dialog', { name: `${word}: 1 dead letter` }).waitFor();
      if (reason) await page.getByLabel('Reason').fill(reason);
      await page.getByRole('button', { name: word, exact: true }).click();
      await page.getByText('1 record chosen').waitFor({ state: 'detached' });
    }
    await it.goto('/dead-letters?view=records');
    await decide('Ignore', 'A test record.\nAgreed with the shop.');
    const { id, state } = await letterOf('4');
    expect(state).toBe('ignored');
    await page.getByRole('checkbox', { name: 'Choose the record 4' }).waitFor({ state: 'detached' });
    await it.goto(`/dead-letters/${id}`);
    await page.getByText('Ignored because').waitFor();
    await page.getByText('Agreed with the shop.').waitFor();
    await expectAccessible(page);
    await it.goto('/dead-letters?view=records&state=ignored');
    await decide('Reopen');
    expect((await letterOf('4')).state).toBe('open');
    await it.goto('/dead-letters?view=records');
    await decide('Resolve by hand');
    expect((await letterOf('4')).state).toBe('resolved_user');
  });

  test('what the filters show is exported', async () => {
    const { page } = it;
    await it.goto('/dead-letters?state=any');
    await page.getByRole('button', { name: 'Export' }).click();
    const link = page.getByRole('menuitem', { name: /JSON Lines/ });
    const answer = await page.request.get(it.server.url + (await link.getAttribute('href')));
    const keys = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).row_id);
    expect(keys.sort()).toEqual(['2', '3', '4', '5']);
    const csv = page.getByRole('menuitem', { name: /CSV/ });
    expect(await csv.getAttribute('href')).toContain('format=csv');
  });

  test('who may only look can change nothing', async () => {
    const { secret } = await it.server.api('POST', '/tokens', { name: 'looker', role: 'viewer' });
    const { page } = await signedIn(it.server, it.browser, {}, secret);
    const { id } = await letterOf('5');
    await page.goto(`${it.server.url}/dead-letters/${id}`);
    await page.getByText(SCRIPT).first().waitFor();
    expect(await page.getByRole('button', { name: 'Replay…' }).isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Edit payload' }).isDisabled()).toBe(true);
    await page.context().close();
  });
});
