import { beforeAll, describe, expect, test } from 'vitest';
import type { Files } from './program';
import { expectAccessible, type World, world } from './world';

/** More of everything than a list answers at once. */
const MANY = 230;
const LAST = String(MANY - 1).padStart(3, '0');
const numbers = Array.from({ length: MANY }, (_, n) => String(n).padStart(3, '0'));

/** `big` with an entity for each number, and for each number a connection and an instance with one entity. */
const FILES: Files = {
  'syncline.yaml': [
    'connections:',
    '  lake: { type: files, path: out }',
    ...numbers.map((n) => `  c${n}: { type: files, path: data }`),
    '',
  ].join('\n'),
  'syncs/big.yaml': instance(
    'big',
    'c000',
    numbers.map((n) => `e${n}`),
  ),
  ...Object.fromEntries(numbers.map((n) => [`syncs/n${n}.yaml`, instance(`n${n}`, `c${n}`, ['only'])])),
  'data/items.csv': 'sku,title\nA1,One\n',
  'out/.keep': '',
};

function instance(name: string, source: string, entities: string[]): string {
  const entity = (entity: string) => `  ${entity}:
    model: { file: items.csv, key: sku }
    to: { object: ${name}-${entity}.jsonl }
`;
  return `instance: ${name}\nsource: ${source}\ntarget: lake\nentities:\n${entities.map(entity).join('')}`;
}

describe('with more than two hundred of everything', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ files: FILES });
  });

  /** Writes into a choice and takes the one that is left. */
  async function choose(label: string, text: string, option = text) {
    const field = it.page.getByRole('combobox', { name: label, exact: true });
    await field.click();
    await field.fill(text);
    await it.page.getByRole('option', { name: option, exact: true }).click();
  }

  test('the last instance, and the last entity of a large one, can be run', async () => {
    await it.goto('/trigger');
    await choose('Instance', `n${LAST}`);
    await choose('Entity type', 'only');
    await it.page.getByText(`Writes n${LAST}-only.jsonl in lake`).waitFor();
    await choose('Instance', 'big');
    // The form is another one by then: what is written before would be lost with the old choice.
    await it.page.getByText('From c000 to lake.').waitFor();
    await choose('Entity type', `e${LAST}`);
    await it.page.getByRole('radio', { name: /^Test/ }).click();
    await it.page.getByRole('button', { name: 'Trigger sync' }).click();
    await it.page.getByRole('region', { name: 'Run status' }).getByText('Succeeded').first().waitFor();
  });

  test('lists are narrowed down to any sync', async () => {
    await it.goto('/runs');
    await it.page.getByRole('combobox', { name: 'Sync', exact: true }).click();
    await it.page.getByRole('option', { name: `${2 * MANY - 200} more: write to find them` }).waitFor();
    await choose('Sync', `n${LAST}.only`);
    await it.page.waitForURL(`**/runs?sync=n${LAST}.only`);
    await it.page.getByText('No run is like that').waitFor();
    await choose('Sync', `big.e${LAST}`);
    await it.page.getByRole('region', { name: 'Runs' }).getByText(`big.e${LAST}`).first().waitFor();
    await it.page.keyboard.press('Escape');
    await expectAccessible(it.page);
    await it.goto('/dead-letters');
    await choose('Sync', `n${LAST}.only`);
    await it.page.waitForURL((url) => url.searchParams.get('sync') === `n${LAST}.only`);
    await it.goto('/syncs');
    await choose('Instance', `n${LAST}`);
    await it.page.waitForURL(`**/syncs?instance=n${LAST}`);
    await it.page.getByRole('link', { name: `n${LAST}.only` }).waitFor();
  });

  test('the search finds the last sync', async () => {
    await it.goto('/syncs');
    await it.page.getByRole('button', { name: 'Search' }).last().click();
    await it.page.getByPlaceholder(/^Pages, syncs, runs/).fill(`n${LAST}.on`);
    await it.page.getByRole('button', { name: `n${LAST}.only` }).click();
    await it.page.waitForURL(`**/syncs/n${LAST}.only`);
  });

  test('an instance pairs any connections, and a new sync waits for any other', async () => {
    await it.goto('/instances?make=true');
    await it.page.getByRole('textbox', { name: 'Name' }).fill('zoo');
    await choose('Source', `c${LAST}`, `c${LAST} (files)`);
    await choose('Target', 'lake', 'lake (files)');
    await it.page.getByRole('button', { name: 'Make it' }).click();
    await it.page.waitForURL('**/new-sync?instance=zoo');
    await it.page.getByText('After another sync').click();
    await choose('After each successful run of', `n${LAST}.only`);
  });

  test('the syncs of a large instance stand on pages', async () => {
    await it.goto('/instances/big');
    const syncs = it.page.getByRole('region', { name: 'Syncs of big' });
    await syncs.getByText('e000', { exact: true }).waitFor();
    expect(await syncs.locator('tbody tr').count()).toBe(50);
    await it.page.getByRole('button', { name: 'Page 5' }).click();
    await syncs.getByText(`e${LAST}`, { exact: true }).waitFor();
    expect(await syncs.locator('tbody tr').count()).toBe(30);
  });

  test('the figures count all syncs', async () => {
    await it.goto('/insights');
    await it.page
      .getByText(`of ${2 * MANY}`, { exact: false })
      .first()
      .waitFor();
  });
});
