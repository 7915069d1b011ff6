import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, signedIn, told, type World, world } from './world';

describe('instances', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({
      files: {
        'syncline.yaml':
          'connections:\n  files: { type: files, path: data }\n  crm: { type: sqlite, path: data/crm.db, create: true }\n  other: { type: sqlite, path: data/other.db, create: true }\n',
        'data/customers.csv': 'id,name\n1,Ada\n',
        'syncs/kept.yaml':
          'instance: kept\nsource: files\ntarget: crm\nentities:\n  contact:\n    model: { file: customers.csv, key: id }\n    to: { object: contacts }\n',
      },
    });
    await it.server.api('POST', '/instances', {
      document: {
        instance: 'made',
        source: 'files',
        target: 'crm',
        entities: { person: { model: { file: 'customers.csv', key: 'id' }, to: { object: 'people' } } },
      },
      seed: false,
    });
  });

  test('the list tells those of files from those made here', async () => {
    await it.goto('/instances');
    await it.page.getByRole('row', { name: /kept.*syncs\/kept\.yaml/ }).waitFor();
    await it.page.getByRole('row', { name: /made.*app/ }).waitFor();
    await expectAccessible(it.page);
  });

  test('one of a file shows its syncs and is read-only', async () => {
    const { page } = it;
    await it.goto('/instances/kept');
    await page.getByRole('row', { name: /contact/ }).waitFor();
    expect(await page.getByRole('link', { name: 'New sync' }).count()).toBe(0);
    await page.getByRole('tab', { name: 'YAML' }).click();
    await page.getByText('This instance is defined in a file').waitFor();
    await expectAccessible(page);
  });

  test('another target is chosen, and the YAML is changed as a whole', async () => {
    const { page } = it;
    await it.goto('/instances/made?tab=settings');
    await page.getByRole('combobox', { name: 'Target' }).click();
    await page.getByRole('option', { name: /other/ }).click();
    await page.getByText('From the next run on 1 sync will use the new connections').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await told(page, 'The instance made is saved.');
    expect((await it.server.api('GET', '/instances/made')).target).toBe('other');

    await it.goto('/instances/made?tab=yaml');
    const yaml = page.getByRole('textbox', { name: 'YAML of made' });
    await yaml.getByText('target: other').click();
    await page.keyboard.press('End');
    await page.keyboard.insertText('\ndefaults: { guards: { max_deletes: 5% } }');
    await page.getByRole('button', { name: 'Save' }).click();
    await told(page, 'The instance made is saved.');
    const { document } = await it.server.api('GET', '/instances/made');
    expect(document.defaults).toEqual({ guards: { max_deletes: '5%' } });
  });

  test('a viewer sees a sync as it is and changes nothing', async () => {
    const made = await it.server.api('POST', '/tokens', { name: 'looker', role: 'viewer' });
    const { page, errors } = await signedIn(it.server, it.browser, {}, made.secret);
    await page.goto(`${it.server.url}/syncs/made.person/edit`);
    await page.getByRole('combobox', { name: 'Table, object or file' }).waitFor();
    expect(await page.getByRole('combobox', { name: 'Table, object or file' }).isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('it is exported as a file of a project', async () => {
    await it.goto('/instances/made?tab=yaml');
    const [download] = await Promise.all([
      it.page.waitForEvent('download'),
      it.page.getByRole('button', { name: 'Export made.yaml' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('made.yaml');
  });

  test('it is deleted after being told how many syncs go with it', async () => {
    const { page } = it;
    await it.goto('/instances/made');
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete it and 1 sync' }).click();
    await page.waitForURL('**/instances');
    const { data } = await it.server.api('GET', '/instances');
    expect(data.map(({ name }: { name: string }) => name)).toEqual(['kept']);
  });
});
