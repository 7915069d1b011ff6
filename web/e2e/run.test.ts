import { beforeAll, describe, expect, test } from 'vitest';
import { isWithinWidth, items, putItems, type RunAnswer, ran, SHOP, settled } from './shop';
import { expectAccessible, signedIn, until, type World, world } from './world';

describe('the page of a run', () => {
  let it: World;
  beforeAll(async () => {
    it = await world({ files: SHOP });
  });

  test('it tells the story of a run with errors, and what stood in each of them', async () => {
    const run = await ran(it, 'shop.item');
    expect(run).toMatchObject({ status: 'completed', rows_created: 281, rows_failed: 19 });
    await it.goto(`/runs/${run.id}`);
    await it.page.getByText(/^Completed in .*: 300 rows read, 281 created, 19 failed\.$/).waitFor();
    const summary = it.page.getByRole('table', { name: 'Counters and durations' });
    await summary.getByRole('row', { name: /^Total processed 300/ }).waitFor();
    await summary.getByRole('row', { name: /^Failed 19/ }).waitFor();
    const errors = it.page.getByRole('table', { name: 'Rows that failed' });
    const row = errors.getByRole('row', { name: /^A015/ });
    await row.getByText('<script>alert(1)</script>', { exact: true }).first().waitFor();
    expect(await row.getByRole('link', { name: 'invalid_value' }).getAttribute('href')).toBe(
      '/api/errors/invalid_value',
    );
    await expectAccessible(it.page);
  });

  test('errors are narrowed by kind and key, and lead to their dead letters', async () => {
    await putItems(it, items(300).replace('A002,Item 2,2.50', ',Item 2,2.50'));
    const run = await ran(it, 'shop.item', { cursor: 'full' });
    expect(run.rows_failed).toBe(20);
    await it.goto(`/runs/${run.id}?tab=errors`);
    const kinds = it.page.getByRole('region', { name: 'Kinds of errors' });
    await kinds.getByRole('button', { name: /19.*invalid_value/ }).click();
    await it.page.getByText('1–19 of 19').waitFor();
    await it.page.getByPlaceholder('Beginning of the row ID').fill('A03');
    await it.page.getByText('1–1 of 1').waitFor();
    expect(it.page.url()).toMatch(/code=invalid_value.*key=A03/);
    await expectAccessible(it.page);
    await it.page.getByRole('link', { name: 'Dead letter of A030' }).click();
    await it.page.waitForURL('**/dead-letters/dl_*');
    await putItems(it, items(300));
  });

  test('rows are found by operation and key, and open to their fields', async () => {
    const { data } = await it.server.api<{ data: RunAnswer[] }>('GET', '/runs');
    await it.goto(`/runs/${data.at(-1)?.id}?tab=rows`);
    await it.page.getByText('1–50 of 281').waitFor();
    await it.page.getByPlaceholder('Row ID, whole').fill('A002');
    await it.page.getByText('1–1 of 1').waitFor();
    await it.page.getByRole('button', { name: 'Fields of A002' }).click();
    await it.page.getByRole('cell', { name: 'Item 2', exact: true }).waitFor();
    expect(it.page.url()).toContain('key=A002');
    await expectAccessible(it.page);
    await it.page.getByRole('tab', { name: 'Performance' }).click();
    await it.page.getByText('Peak memory').waitFor();
    await expectAccessible(it.page);
    await it.page.getByRole('tab', { name: 'Options' }).click();
    await it.page.getByRole('button', { name: 'Copy correlation id' }).waitFor();
    await expectAccessible(it.page);
  });

  test('a test shows what would be written, and nothing is', async () => {
    await putItems(it, items(300, 'Thing'));
    const run = await ran(it, 'shop.item', { type: 'test' });
    await it.goto(`/runs/${run.id}`);
    await it.page.getByText(/281 would be updated\. 19 rows would fail\. Nothing was written\.$/).waitFor();
    await it.page.getByText('281 records would be updated.').waitFor();
    const sample = it.page.getByRole('table', { name: 'update changes' });
    await sample.getByRole('button', { name: 'Fields of A001' }).click();
    await sample.getByRole('cell', { name: 'Item 1', exact: true }).waitFor();
    await sample.getByRole('cell', { name: 'Thing 1', exact: true }).waitFor();
    await expectAccessible(it.page);
  });

  test('a held run is rejected with a reason, and nothing was written', async () => {
    await putItems(it, items(200));
    const run = await ran(it, 'shop.item');
    expect(run.status).toBe('held');
    await it.goto(`/runs/${run.id}`);
    await it.page
      .getByText(/^Held by max_deletes\. Nothing was written\. It would .*delete 94 records\.$/)
      .waitFor();
    await it.page.getByText(/removals planned/).waitFor();
    await expectAccessible(it.page);
    await it.page.getByRole('button', { name: 'Reject' }).first().click();
    const dialog = it.page.getByRole('dialog');
    await dialog.getByText(/ends without writing any of its \d+ changes/).waitFor();
    await dialog.getByLabel('Reason').fill('The export was cut off');
    await dialog.getByRole('button', { name: 'Reject' }).click();
    await it.page.getByText('Rejected. Nothing was written.').first().waitFor();
    const after = await it.server.api<RunAnswer>('GET', `/runs/${run.id}`);
    expect(after).toMatchObject({ status: 'cancelled', end_reason: 'rejected' });
    await expectAccessible(it.page);
  });

  test('a held run is approved with its figures in sight, and goes on without a reload', async () => {
    const run = await ran(it, 'shop.item');
    expect(run.status).toBe('held');
    await it.goto(`/runs/${run.id}`);
    await it.page.getByRole('button', { name: 'Approve' }).first().click();
    const dialog = it.page.getByRole('dialog');
    await dialog.getByText('94 records deleted').waitFor();
    await expectAccessible(it.page);
    await dialog.getByRole('button', { name: 'Approve and write' }).click();
    await it.page.getByText(/^Completed in .*94 deleted/).waitFor();
    await it.page.getByText('It was approved').waitFor();
    expect(await settled(it, run.id)).toMatchObject({ status: 'completed', rows_deleted: 94 });
  });

  test('a run that waits is cancelled, after a question', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const { id } = await it.server.api<RunAnswer>('POST', '/syncs/shop.item/trigger', { run_at: at });
    await it.goto(`/runs/${id}`);
    await it.page.getByText(/^Scheduled: it will start at/).waitFor();
    await it.page.getByRole('button', { name: 'Cancel run' }).click();
    await it.page.getByRole('dialog').getByText('It has not written anything yet.').waitFor();
    await expectAccessible(it.page);
    await it.page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
    await it.page.getByText('Not run: it was cancelled before it was due.').waitFor();
    const after = await it.server.api<RunAnswer>('GET', `/runs/${id}`);
    expect(after).toMatchObject({ status: 'not_run', end_reason: 'cancelled' });
  });

  test('a failed run says why and what to do, and is retried over the model as it is now', async () => {
    const run = await ran(it, 'shop.price');
    expect(run.status).toBe('failed');
    await it.goto(`/runs/${run.id}`);
    await it.page.getByText(/^Failed after .* while reading the source\. Nothing was written\.$/).waitFor();
    await it.page.getByText(/What to do: check the model's file pattern/).waitFor();
    await expectAccessible(it.page);
    await it.page.getByRole('button', { name: 'Retry run' }).click();
    await it.page.waitForURL((url) => url.pathname.startsWith('/runs/') && !url.pathname.endsWith(run.id));
    await it.page.getByText(/^A retry of/).waitFor();
    const next = await settled(it, new URL(it.page.url()).pathname.slice('/runs/'.length));
    expect(next).toMatchObject({ retry_of: run.id, trigger: 'manual', status: 'failed' });
    await it.goto(`/runs/${run.id}`);
    await it.page.getByText(/^Retried by .*: failed\./).waitFor();
  });

  test('a source that is away is told apart from a failure', async () => {
    const run = await ran(it, 'office.note');
    expect(run.status).toBe('source_failure');
    await it.goto(`/runs/${run.id}`);
    await it.page.getByText('The source could not be read. Nothing was written.').waitFor();
    await it.page.getByRole('link', { name: 'source_unreachable' }).waitFor();
  });

  test('a run that does not exist is said so', async () => {
    await it.goto('/runs/run_0000');
    await it.page.getByRole('alert').waitFor();
    await expectAccessible(it.page);
  });

  test('it is read on a phone, and in the dark', async () => {
    const [run] = (
      await it.server.api<{ data: RunAnswer[] }>('GET', '/syncs/shop.item/runs?status=completed')
    ).data;
    const phone = await signedIn(it.server, it.browser, { width: 390, height: 800, colorScheme: 'dark' });
    for (const tab of ['errors', 'rows', 'plan', 'performance', 'options']) {
      await phone.page.goto(`${it.server.url}/runs/${run?.id}?tab=${tab}`);
      await phone.page.getByRole('tabpanel').waitFor();
      await until(
        () => phone.page.locator('.mantine-Skeleton-root').count(),
        (left) => left === 0,
      );
      expect(await isWithinWidth({ ...it, page: phone.page }), tab).toBe(true);
      await expectAccessible(phone.page);
    }
    await phone.page.context().close();
  });
});
