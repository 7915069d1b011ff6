import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, until, type World, world } from './world';

const CUSTOMERS = `id,first_name,last_name,email,mrr
1,Ada,Lovelace, Ada@Example.com ,1200.00
2,Grace,Hopper,grace@example.com,950.00
3,<script>alert(1)</script>,Turing,alan@example.com,40.50
`;

describe('a new user makes the first sync', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ files: { 'syncline.yaml': '# nothing yet\n', 'data/customers.csv': CUSTOMERS } });
  });

  test('two connections are made, each tested before it is kept', async () => {
    const { page } = it;
    await it.goto('/connections');
    await page.getByText('No connections yet').waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'New connection' }).first().click();
    await page.getByRole('radio', { name: /CSV, JSON Lines/ }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('warehouse');
    await page.getByRole('textbox', { name: 'Path' }).fill('/etc');
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await page.getByText(/may not use '\/etc'; name one below the project's folder/).waitFor();
    await page.getByRole('textbox', { name: 'Path' }).fill('data');
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await page.getByText('Reading works').waitFor();
    await expectAccessible(page);
    expect((await it.server.api('GET', '/connections')).data).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'warehouse', level: 1 }).waitFor();
    await page.getByText('customers.csv').click();
    await page.getByRole('cell', { name: 'first_name' }).waitFor();
    await expectAccessible(page);

    await it.goto('/new-connection?type=sqlite');
    await page.getByRole('textbox', { name: 'Name' }).fill('crm');
    await page.getByRole('textbox', { name: 'Path' }).fill('data/crm.db');
    await page.getByLabel('Create').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'crm', level: 1 }).waitFor();
    const crm = await it.server.api('GET', '/connections/crm');
    expect(crm.document).toEqual({ type: 'sqlite', path: 'data/crm.db', create: true });
  });

  test('they are paired in an instance, which leads to the editor', async () => {
    const { page } = it;
    await it.goto('/instances');
    await page.getByText('No instances yet').waitFor();
    await page.getByRole('button', { name: 'New instance' }).first().click();
    const form = page.getByRole('dialog');
    await form.getByRole('textbox', { name: 'Name' }).fill('crm');
    await form.getByRole('combobox', { name: 'Source' }).click();
    await page.getByRole('option', { name: 'warehouse (files)' }).click();
    await form.getByRole('combobox', { name: 'Target' }).click();
    await page.getByRole('option', { name: 'crm (sqlite)' }).click();
    await expectAccessible(page);
    await form.getByRole('button', { name: 'Make it' }).click();
    await page.waitForURL('**/new-sync?instance=crm');
    await page.getByText('Still to fill in').waitFor();
  });

  test('form, YAML and preview say the same, and mistakes stand at their fields', async () => {
    const { page } = it;
    await it.goto('/new-sync?instance=crm&file=customers.csv');
    await page.getByRole('combobox', { name: 'Key' }).fill('id');
    await page.keyboard.press('Enter');
    await page.getByRole('combobox', { name: 'Table, object or file' }).fill('contacts');
    await page.getByText(/What crm has is not known/).waitFor();
    await page.getByRole('button', { name: /Add 5 fields of equal name/ }).click();
    await page.getByText('3 rows would be sent').waitFor();
    const email = page.getByLabel('Expression of email');
    await email.fill('lower(trim(emaill))');
    await page
      .getByRole('group', { name: 'Field email' })
      .getByText(/unknown column 'emaill'/)
      .waitFor();
    await email.fill('lower(trim(email))');
    await page.getByText('→ ada@example.com').waitFor();
    // What a row holds stays text.
    await page.getByRole('button', { name: 'Next row' }).click();
    await page.getByRole('button', { name: 'Next row' }).click();
    await page.getByText('<script>alert(1)</script>').first().waitFor();
    await expectAccessible(page);

    await page.getByRole('tab', { name: /YAML/ }).click();
    const yaml = page.getByRole('textbox', { name: 'YAML of the sync' });
    await yaml.getByText('lower(trim(email))').waitFor();
    await yaml.press('Control+End');
    await page.keyboard.insertText('# mine\nlookahead: 3\n');
    await page.getByText('1 problem to solve').waitFor();
    await page.getByText(/unknown key 'lookahead'/).waitFor();
    await page.getByLabel('Name of mrr').fill('monthly');
    await page.getByLabel('Name of mrr').press('Enter');
    // A change in the form leaves what it does not know, and comments, as they are.
    await yaml.getByText('monthly:').waitFor();
    await yaml.getByText('# mine').waitFor();
    await yaml.getByText('lookahead: 3').click();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    await page.keyboard.insertText('tags: [nightly');
    await page.getByText('The form waits until this can be read').waitFor();
    expect(await page.getByLabel('Expression of email').isDisabled()).toBe(true);
    await page.keyboard.insertText(']');
    await page.getByText('No problems found').waitFor();
    await page.getByRole('button', { name: 'Hide more' }).waitFor();
    await page.getByLabel('Tags').getByText('nightly').or(page.getByText('nightly')).first().waitFor();
  });

  test('saving makes the missing table, and the sync is what the form said', async () => {
    const { page } = it;
    await page.getByRole('button', { name: 'Save, then test' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('CREATE TABLE').waitFor();
    await dialog.getByRole('button', { name: 'Make it' }).click();
    await page.waitForURL('**/syncs/crm.customers');
    const { definition } = await it.server.api('GET', '/syncs/crm.customers/definition');
    expect(definition).toEqual({
      model: { file: 'customers.csv', key: 'id' },
      to: { object: 'contacts' },
      mapping: {
        id: 'id',
        first_name: 'first_name',
        last_name: 'last_name',
        email: 'lower(trim(email))',
        monthly: 'mrr',
      },
      tags: ['nightly'],
    });
    const check = await it.server.api('POST', '/syncs/crm.customers/check');
    expect(check.good).toBe(true);
  });

  test('a change that somebody else made meanwhile is not written over', async () => {
    const { page } = it;
    await it.goto('/syncs/crm.customers/edit');
    await page.getByText('No problems found').waitFor();
    const { definition } = await it.server.api('GET', '/syncs/crm.customers/definition');
    await it.server.api('PUT', '/syncs/crm.customers', { definition: { ...definition, batch_size: 7 } });
    await page.getByText('This sync was changed meanwhile').waitFor();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('This sync was changed meanwhile').waitFor();
    const now = await it.server.api('GET', '/syncs/crm.customers/definition');
    expect(now.definition.batch_size).toBe(7);
    const loaded = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Load the new version' }).click();
    await loaded;
    await page.getByText('No problems found').waitFor();
    await page.getByRole('button', { name: 'Show more about writing' }).click();
    expect(await page.getByLabel('Batch size').inputValue()).toBe('7');
    await page.getByLabel('Batch size').fill('');
    await page.getByText('Interval').click();
    await page.getByRole('combobox', { name: 'Every' }).fill('sometimes');
    await page.getByText('1 problem to solve').waitFor();
    await page.getByRole('combobox', { name: 'Every' }).fill('30m');
    await page.getByText('No problems found').waitFor();
    await page.getByText('every 30 minutes').waitFor();
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.getByText('What you changed here is lost').waitFor();
    await page.getByRole('button', { name: 'Stay' }).click();
    await page.getByText('What you changed here is lost').waitFor({ state: 'detached' });
    await page.getByRole('tab', { name: 'Functions' }).click();
    await page.getByLabel('Find a function').fill('concat_ws');
    await page.getByText("concat_ws(' ', 'Ada', NULL, 'Lovelace') = Ada Lovelace").waitFor();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.waitForURL('**/syncs/crm.customers');
    const saved = await it.server.api('GET', '/syncs/crm.customers/definition');
    expect(saved.definition.schedule).toEqual({ every: '30m' });
    expect(saved.definition.batch_size).toBeUndefined();
  });

  test('a seed run can start with saving', async () => {
    const { page } = it;
    await it.goto('/new-sync?instance=crm&file=customers.csv');
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('people');
    await page.getByRole('combobox', { name: 'Key' }).fill('id');
    await page.keyboard.press('Enter');
    await page.getByRole('combobox', { name: 'Table, object or file' }).fill('people');
    await page.getByText('3 rows would be sent').waitFor();
    await page.getByRole('button', { name: 'Save and seed' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click();
    await page.waitForURL('**/syncs/crm.people');
    const { data } = await until(
      () => it.server.api('GET', '/syncs/crm.people/runs'),
      ({ data }) => data[0]?.status === 'completed',
    );
    expect(data[0]).toMatchObject({ type: 'seed', rows_created: 3 });
  });
});

test('a sync of a file is shown as it is, with its place and how to change it', async () => {
  const it = await fileWorld();
  await it.goto('/syncs/crm.contact/edit');
  await it.page.getByText('This sync is defined in a file').waitFor();
  await it.page
    .getByText(/syncs\/crm\.yaml/)
    .first()
    .waitFor();
  expect(await it.page.getByLabel('Expression of email').isDisabled()).toBe(true);
  expect(await it.page.getByRole('button', { name: 'Save', exact: true }).count()).toBe(0);
  await expectAccessible(it.page);
});

test('a new sync in an instance of a file is told where it is added', async () => {
  const it = await fileWorld();
  const entities = { person: { model: { file: 'customers.csv', key: 'id' }, to: { object: 'people' } } };
  await it.server.api('POST', '/instances', {
    document: { instance: 'made', source: 'files', target: 'crm', entities },
    seed: false,
  });
  await it.goto('/new-sync?instance=crm');
  await it.page.getByText(/^crm is defined in syncs\/crm\.yaml:\d+: add the sync there/).waitFor();
  await expectAccessible(it.page);
});

function fileWorld() {
  return world({
    files: {
      'syncline.yaml':
        'connections:\n  files: { type: files, path: data }\n  crm: { type: sqlite, path: data/crm.db, create: true }\n',
      'data/customers.csv': CUSTOMERS,
      'syncs/crm.yaml':
        'instance: crm\nsource: files\ntarget: crm\nentities:\n  contact:\n    model: { file: customers.csv, key: id }\n    to: { object: contacts }\n    mapping: { id: id, email: lower(email) }\n',
    },
  });
}
