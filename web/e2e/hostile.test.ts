import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { SYNCLINE } from './program';
import { until, type World, world } from './world';

const SCRIPT = `<script>window.hacked = true</script>`;
const IMAGE = `"><img src=x onerror="window.hacked = true">`;
const LINK = `javascript:window.hacked=true`;
/** Every cell of a row may be an attack: the key, a value that arrives, a value that is refused. */
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

const files = {
  'syncline.yaml': `
connections:
  files: { type: files, path: data }
  target: { type: sqlite, path: data/target.db, create: true }
`,
  'syncs/hostile.yaml': `
instance: hostile
source: files
target: target
entities:
  person:
    model: { file: people.csv, key: id }
    to: { object: people, match: id }
    write_mode: upsert
    mapping:
      id: id
      name: name
      ${JSON.stringify(IMAGE)}: ${JSON.stringify(`'${LINK}'`)}
      age: cast(age as bigint)
    schedule: { every: 24h }
`,
  'data/people.csv': [
    'id,name,age',
    [quoted(SCRIPT), quoted(IMAGE), '1'].join(','),
    [quoted(IMAGE), quoted(LINK), quoted(SCRIPT)].join(','),
    '',
  ].join('\n'),
};

describe('hostile data', () => {
  let it: World;
  let run: string;
  beforeAll(async () => {
    it = await world({
      files,
      prepare: (folder) => {
        execFileSync(SYNCLINE, ['check', 'hostile.person', '--create'], { cwd: folder, stdio: 'ignore' });
      },
    });
    const started = await it.server.api('POST', '/syncs/hostile.person/trigger', { type: 'sync' });
    run = started.id;
    await until(
      () => it.server.api('GET', `/runs/${run}`),
      (now) => now.status === 'completed' && now.rows_created === 1 && now.rows_failed === 1,
    );
  });

  async function expectHarmless() {
    expect(await it.page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(await it.page.locator('main img, main script').count()).toBe(0);
    expect(await it.page.locator('a[href^="javascript:"]').count()).toBe(0);
  }

  test('stays text in errors', async () => {
    await it.goto(`/runs/${run}?tab=errors`);
    await it.page.getByText(SCRIPT).first().waitFor();
    await it.page.getByText(IMAGE).first().waitFor();
    await expectHarmless();
  });

  test('stays text in the rows of a run', async () => {
    await it.goto(`/runs/${run}?tab=rows`);
    await it.page.getByText(SCRIPT).first().waitFor();
    await expectHarmless();
  });

  test('stays text in dead letters', async () => {
    const { data } = await it.server.api('GET', '/dead-letters?sync_id=hostile.person');
    await it.goto(`/dead-letters/${data[0].id}`);
    await it.page.getByText(IMAGE).first().waitFor();
    await expectHarmless();
    await it.goto('/dead-letters?view=records');
    await it.page.getByText(IMAGE).first().waitFor();
    await expectHarmless();
  });

  test('stays text in configuration and in the life of a record', async () => {
    await it.goto('/syncs/hostile.person?tab=configuration');
    await it.page.getByText(IMAGE).first().waitFor();
    await expectHarmless();
    await it.goto(`/syncs/hostile.person?tab=records&key=${encodeURIComponent(SCRIPT)}`);
    await it.page.getByText(LINK).first().waitFor();
    await expectHarmless();
  });

  test('in an address finds nothing and stays text', async () => {
    for (const path of [
      `/runs?q=${encodeURIComponent(IMAGE)}`,
      `/syncs/${encodeURIComponent(SCRIPT)}`,
      `/${encodeURIComponent(IMAGE)}`,
    ]) {
      await it.goto(path);
      await expectHarmless();
    }
  });

  test('cannot be put on a page of another server, nor change anything from one', async () => {
    const page = await fetch(it.server.url, { headers: { accept: 'text/html' } });
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("script-src 'self' 'unsafe-inline'");
    const cookies = await it.page.context().cookies();
    const session = cookies.find(({ name }) => name === 'syncline_session');
    expect(session).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    const forged = await fetch(`${it.server.url}/api/v1/syncs/hostile.person/trigger`, {
      method: 'POST',
      headers: {
        cookie: `syncline_session=${session?.value}`,
        origin: 'https://elsewhere.example',
        'content-type': 'application/json',
      },
      body: '{}',
    });
    expect(forged.status).toBe(403);
  });
});
