import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { SYNCLINE } from './program';
import { signedIn, until, WAIT, type World, world } from './world';

/** Failing rows of the one run. */
const ROWS = 100_000;
/** What the first page may weigh on its way to the browser. */
const FIRST_LOAD_BYTES_MAX = 500_000;
/** Rows that a page of any list draws at most. */
const DRAWN_MAX = 250;

describe('at size', () => {
  let it: World;
  let run: string;
  beforeAll(async () => {
    const rows = Array.from({ length: ROWS }, (_, n) => `${n},not a number ${n}`);
    it = await world({
      files: {
        'syncline.yaml': `
connections:
  files: { type: files, path: data }
  target: { type: sqlite, path: data/target.db, create: true }
`,
        'syncs/large.yaml': `
instance: large
source: files
target: target
entities:
  number:
    model: { file: numbers.csv, key: id, types: { id: int64 } }
    to: { object: numbers, match: id }
    write_mode: upsert
    mapping: { id: id, value: cast(value as bigint) }
    guards: { max_invalid: 100% }
    halt: { failed_rows: 100% }
`,
        'data/numbers.csv': ['id,value', '-1,1', ...rows, ''].join('\n'),
      },
      prepare: (folder) => {
        execFileSync(SYNCLINE, ['check', 'large.number', '--create'], { cwd: folder, stdio: 'ignore' });
      },
    });
    const started = await it.server.api('POST', '/syncs/large.number/trigger', { type: 'sync' });
    run = started.id;
    await until(
      () => it.server.api('GET', `/runs/${run}`),
      (now) => now.status === 'completed' && now.rows_failed === ROWS,
    );
  }, 300_000);

  async function drawn(): Promise<number> {
    return it.page.locator('main tr, main [role=row]').count();
  }

  test('a hundred thousand errors are a page at a time, to the last', async () => {
    await it.goto(`/runs/${run}?tab=errors`);
    await it.page.getByText('not a number 0', { exact: false }).first().waitFor();
    await it.page.getByText('100,000', { exact: false }).first().waitFor();
    expect(await drawn()).toBeLessThan(DRAWN_MAX);
    await it.page.getByRole('button', { name: 'last page' }).click();
    await it.page
      .getByText(`not a number ${ROWS - 1}`, { exact: false })
      .first()
      .waitFor();
    expect(await drawn()).toBeLessThan(DRAWN_MAX);
  });

  test('a hundred thousand dead letters are one group, and a page at a time', async () => {
    await it.goto('/dead-letters');
    await it.page.getByText('100,000').first().waitFor();
    await it.goto('/dead-letters?view=records');
    await it.page.getByRole('button', { name: 'last page' }).click();
    await it.page.waitForURL(/page=/);
    expect(await drawn()).toBeLessThan(DRAWN_MAX);
  });

  test('the first page weighs less than half a megabyte', async () => {
    const fresh = await it.browser.newContext();
    fresh.setDefaultTimeout(WAIT);
    const page = await fresh.newPage();
    const devtools = await fresh.newCDPSession(page);
    await devtools.send('Network.enable');
    let bytes = 0;
    devtools.on('Network.loadingFinished', (event) => {
      bytes += event.encodedDataLength;
    });
    await page.goto(`${it.server.url}/#token=${it.server.token}`);
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await page.getByText('Last 24 hours').waitFor();
    await page.waitForFunction(() => document.fonts.status === 'loaded');
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES_MAX);
    await fresh.close();
  });

  test('on a phone no page is wider than the screen', async () => {
    const { page } = await signedIn(it.server, it.browser, { width: 390, height: 800 });
    for (const path of [
      '/',
      '/syncs',
      `/runs`,
      `/runs/${run}`,
      '/trigger',
      '/dead-letters',
      '/syncs/large.number',
    ]) {
      await page.goto(it.server.url + path);
      await page.locator('main h1').first().waitFor();
      const { wide, screen } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        screen: document.documentElement.clientWidth,
      }));
      expect(wide, path).toBeLessThanOrEqual(screen);
    }
    await page.context().close();
  });
});
