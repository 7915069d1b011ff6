import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAccessible, told, until, type World, world } from './world';

const PEOPLE = {
  'syncline.yaml':
    'connections:\n  desk: { type: files, path: desk }\n  shelf: { type: files, path: shelf }\n',
  'desk/people.csv': [
    'id,email,age',
    ...Array.from({ length: 30 }, (_, n) => `${n + 1}, Person${n + 1}@example.com ,${20 + n}`),
    '31,<script>alert(1)</script>@example.com,old\n',
  ].join('\n'),
  'shelf/note.txt': 'Files are written beside this one.\n',
  'syncs/people.yaml': `instance: people
source: desk
target: shelf
entities:
  contact:
    model: { file: people.csv, key: id }
    to: { object: contacts.csv }
    write_mode: mirror
    mapping:
      id: id
      email: lower(trim(email))
      age: cast(age as bigint)
    schedule: { every: 1h }
    guards: { max_deletes: 10% }
`,
};

describe('the way of a new sync', () => {
  let it: World;
  const way = () => it.page.getByRole('region', { name: 'The way to an active sync' });
  const here = (title: string) => way().locator('> ol > li[aria-current=step]', { hasText: title }).waitFor();
  const press = (name: string) => it.page.getByRole('button', { name, exact: true }).click();
  const sync = () => it.server.api('GET', '/syncs/people.contact');
  const lastRun = async () => (await it.server.api('GET', '/syncs/people.contact/runs')).data[0];

  /** Changes what the source has. */
  async function edit(from: string, to: string) {
    const file = join(it.server.folder, 'desk/people.csv');
    await writeFile(file, (await readFile(file, 'utf8')).replace(from, to));
  }

  beforeAll(async () => {
    it = await world({ files: PEOPLE });
  });

  test('begins with a test that writes nothing and leads to its errors', async () => {
    await it.goto('/syncs/people.contact');
    await here('Test or seed');
    await it.page.getByText('Never run').waitFor();
    await expectAccessible(it.page);
    await press('Run a test');
    await here('Run one time');
    await it.page.getByText('The test found 30 changes.').waitFor();
    const run = await lastRun();
    expect(run).toMatchObject({ type: 'test', trigger: 'manual', rows_created: 30, rows_failed: 1 });
    expect((await sync()).delivered).toBe(0);
    const review = it.page.getByRole('link', { name: 'review them' });
    expect(await review.getAttribute('href')).toBe(`/runs/${run.id}?tab=errors`);
    await expectAccessible(it.page);
  });

  test('goes on to writing once, which says before what it will do', async () => {
    await press('Run one time');
    await it.page.getByRole('dialog').getByText('planned 30 creates, 0 updates and 0 deletes').waitFor();
    await expectAccessible(it.page);
    await press('Write once');
    await here('Test shows 0');
    expect(await sync()).toMatchObject({ delivered: 30, state: 'inactive' });
  });

  test('names the fields that a test after writing would change', async () => {
    await edit('Person7@example.com', 'Person7@example.org');
    await press('Test for 0 changes');
    await it.page.getByText('still finds 1 change.').waitFor();
    await here('Test shows 0');
    await it.page.getByRole('row', { name: 'email person7@example.com person7@example.org 1' }).waitFor();
    await expectAccessible(it.page);
  });

  test('lets nobody on before a test shows 0, then activates', async () => {
    await press('Run one time again');
    await press('Write once');
    await press('Test for 0 changes');
    await here('Activate');
    expect(await lastRun()).toMatchObject({
      type: 'test',
      rows_created: 0,
      rows_updated: 0,
      rows_deleted: 0,
    });
    await way().getByRole('button', { name: 'Activate' }).click();
    await told(it.page, 'people.contact is active');
    await way().waitFor({ state: 'detached' });
    expect((await sync()).state).toBe('active');
  });

  test('shows a value with markup as the text it is', async () => {
    await it.goto('/syncs/people.contact?tab=configuration');
    await press('Read 20 rows');
    await it.page.getByText('20 rows read').waitFor();
    await it.goto('/syncs/people.contact?tab=records&key=31');
    await it.page.getByRole('heading', { name: 'Dead letters' }).waitFor();
    await expectAccessible(it.page);
  });

  test('asks before it deactivates, with what is removed', async () => {
    await it.goto('/syncs/people.contact');
    await press('Deactivate');
    const dialog = it.page.getByRole('dialog');
    await dialog.getByText('its next run').waitFor();
    await dialog.getByRole('button', { name: 'Deactivate' }).click();
    await until(sync, ({ state, next_run_at }) => state === 'inactive' && next_run_at === null);
    await here('Activate');
  });
});

describe('what needs a person', () => {
  let it: World;

  beforeAll(async () => {
    it = await world({ files: PEOPLE });
  });

  const trigger = () =>
    it.server.api('POST', '/syncs/people.contact/trigger', { type: 'one_time', cursor: 'full' });
  const notice = (title: string) => it.page.getByRole('note').filter({ hasText: title });

  test('first errors ask for a look, errors that stay are said to', async () => {
    await it.goto('/syncs/people.contact');
    await trigger();
    await notice('Its first errors').waitFor();
    for (const _ of [2, 3]) {
      const { id } = await trigger();
      await until(
        () => it.server.api('GET', `/runs/${id}`),
        ({ status }) => status === 'completed',
      );
    }
    await notice('Errors keep coming').waitFor();
    const [last] = (await it.server.api('GET', '/syncs/people.contact/runs')).data;
    const link = notice('Errors keep coming').getByRole('link');
    expect(await link.getAttribute('href')).toBe(`/runs/${last.id}?tab=errors`);
  });

  test('a held run is shown at once, with the way to its plan', async () => {
    const file = join(it.server.folder, 'desk/people.csv');
    const [head, ...rows] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    await writeFile(file, `${[head, ...rows.slice(0, 12)].join('\n')}\n`);
    const held = await trigger();
    await notice('A run waits for your decision').waitFor();
    const plan = notice('A run waits').getByRole('link', { name: 'Review the plan' });
    expect(await plan.getAttribute('href')).toBe(`/runs/${held.id}?tab=plan`);
    await expectAccessible(it.page);
    await it.server.api('POST', `/runs/${held.id}/reject`, {});
    await notice('A run waits').waitFor({ state: 'detached' });
  });
});

describe('a sync with a history', () => {
  let it: World;

  beforeAll(async () => {
    it = await world({ quiet: true });
  });

  test('lists its runs with the figures that the API has', async () => {
    await it.goto('/syncs/crm.contact');
    const [run] = (await it.server.api('GET', '/syncs/crm.contact/runs?status=completed&type=sync')).data;
    const row = it.page.getByRole('row').filter({ has: it.page.locator(`a[href="/runs/${run.id}"]`) });
    for (const figure of [run.rows_processed, run.rows_deleted, run.rows_failed]) {
      await row
        .getByRole('cell', { name: figure.toLocaleString('en'), exact: true })
        .first()
        .waitFor();
    }
    await expectAccessible(it.page);
  });

  test('keeps filters in the address', async () => {
    await it.page.getByRole('combobox', { name: 'Status' }).click();
    await it.page.getByRole('option', { name: 'Completed' }).click();
    await it.page.waitForURL(/status=completed/);
    const { pagination } = await it.server.api('GET', '/syncs/crm.contact/runs?status=completed');
    const shown = new RegExp(`^1–\\d+ of ${pagination.total}$`);
    await it.page.getByText(shown).waitFor();
    await it.page.reload();
    await it.page.getByText(shown).waitFor();
    await it.page.getByRole('button', { name: 'Clear filters' }).click();
    await it.page.waitForURL((url) => url.search === '');
  });

  test('retries a run from its row', async () => {
    const { data } = await it.server.api('GET', '/runs?status=cancelled&type=sync');
    const cancelled = data.find((run: { started_at: string | null }) => run.started_at);
    await it.goto(`/syncs/${cancelled.sync_id}?status=cancelled`);
    await it.page.getByRole('button', { name: `Retry run ${cancelled.id}` }).click();
    await it.page.waitForURL(/\/runs\/run_/);
    const latest = await it.server.api('GET', `/runs/${it.page.url().match(/run_[0-9a-f]+/)?.[0]}`);
    expect(latest).toMatchObject({ retry_of: cancelled.id, trigger: 'manual' });
  });

  test('draws its trends and tells the latest figures', async () => {
    await it.goto('/syncs/crm.contact?tab=trends');
    const { points } = await it.server.api('GET', '/syncs/crm.contact/trends');
    const rows = it.page.getByRole('figure', { name: 'Rows processed' });
    await rows.getByText(`${points[0].rows_processed.toLocaleString('en')} in the last run`).waitFor();
    await rows.locator('svg path.recharts-curve').waitFor();
    await expectAccessible(it.page);
    const chart = rows.locator('svg.recharts-surface').first();
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    if (!box) throw new Error('the chart has no size');
    const last = [box.x + box.width - 20, box.y + 40] as const;
    await it.page.mouse.move(last[0] - 40, last[1]);
    await it.page.mouse.move(...last);
    await it.page.getByText('Click to open the run').first().waitFor();
    await it.page.mouse.click(...last);
    await it.page.waitForURL(`**/runs/${points[0].run_id}`);
  });

  test('explains its configuration, previews rows and checks both ends', async () => {
    await it.goto('/syncs/crm.contact?tab=configuration');
    await it.page.getByRole('row', { name: /email lower\(trim\(email\)\)/ }).waitFor();
    await it.page.getByRole('button', { name: 'Read 20 rows' }).click();
    await it.page.getByText('1 of 20').waitFor();
    await it.page.getByRole('button', { name: 'Row after' }).click();
    await it.page.getByText('2 of 20').waitFor();
    const { rows } = await it.server.api('POST', '/syncs/crm.contact/preview', { limit: 2 });
    const payload = it.page.getByRole('table', { name: 'Payload for the target' });
    await payload.getByRole('cell', { name: rows[1].payload.email }).waitFor();
    await it.page.getByRole('button', { name: 'Check both ends' }).click();
    await it.page.getByText('Both ends are reached and fit together.').waitFor();
    await it.page.getByText('max_source_drop').waitFor();
    await expectAccessible(it.page);
    await it.page.getByText('YAML', { exact: true }).click();
    await it.page.waitForURL(/view=yaml/);
    await it.page.getByText('write_mode: mirror').waitFor();
    await expectAccessible(it.page);
  });

  test('moves its cursor by hand, and says so in its history', async () => {
    await it.goto('/syncs/crm.order?tab=cursor');
    const { value } = await it.server.api('GET', '/syncs/crm.order/cursor');
    await it.page.getByRole('table').getByText(value).first().waitFor();
    await it.page.getByRole('button', { name: 'Set', exact: true }).click();
    const dialog = it.page.getByRole('dialog');
    await dialog.getByLabel('Value of ordered_at').fill('yesterday');
    await dialog.getByRole('button', { name: 'Count what follows' }).click();
    await dialog.getByRole('alert').waitFor();
    const back = '2025-10-01T00:00:00Z';
    await dialog.getByLabel('Value of ordered_at').fill(back);
    await dialog.getByRole('button', { name: 'Count what follows' }).click();
    const { read } = await it.server.api('POST', '/syncs/crm.order/cursor/effect', { value: back });
    await dialog.getByText(`The next run reads ${read.toLocaleString('en')} records`).waitFor();
    await expectAccessible(it.page);
    await dialog.getByRole('button', { name: 'Set the cursor' }).click();
    await it.page.getByRole('row', { name: /Set by hand/ }).waitFor();
    expect((await it.server.api('GET', '/syncs/crm.order/cursor')).value).toBe(back);
    await it.page.getByRole('button', { name: 'Reset' }).click();
    const all = await it.server.api('POST', '/syncs/crm.order/cursor/effect', { value: null });
    expect(all.read).toBeGreaterThanOrEqual(read);
    await dialog.getByText(`The next run reads ${all.read.toLocaleString('en')} records`).waitFor();
    await dialog.getByRole('button', { name: 'Reset' }).click();
    await it.page.getByText('none yet').waitFor();
    expect((await it.server.api('GET', '/syncs/crm.order/cursor')).value).toBeNull();
    await expectAccessible(it.page);
  });

  test('tells the life of a record', async () => {
    await it.goto('/syncs/crm.contact?tab=records');
    await expectAccessible(it.page);
    const [letter] = (await it.server.api('GET', '/dead-letters?sync_id=crm.contact&state=open')).data;
    await it.page.getByLabel('Key of the record').fill(letter.row_id);
    await it.page.keyboard.press('Enter');
    await it.page.waitForURL(new RegExp(`key=%22${letter.row_id}%22|key=${letter.row_id}`));
    const life = await it.server.api('GET', `/syncs/crm.contact/records/${letter.row_id}`);
    await it.page.getByText(`${life.length} event`).waitFor();
    await it.page.locator(`a[href="/dead-letters/${letter.id}"]`).waitFor();
    await expectAccessible(it.page);
    await it.page.getByLabel('Key of the record').fill('no such key');
    await it.page.keyboard.press('Enter');
    await it.page.getByText('No run changed a record with this key').waitFor();
  });

  test('says that it does not exist', async () => {
    await it.goto('/syncs/crm.nothing');
    await it.page.getByRole('alert').waitFor();
    await expectAccessible(it.page);
  });
});
