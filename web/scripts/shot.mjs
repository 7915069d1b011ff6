// Takes pictures of pages of a running server:
//   node scripts/shot.mjs --token TOKEN [--url URL] [--out DIR] [--width 1280] [--height 900] [--dark] [--full] /path …
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    token: { type: 'string' },
    url: { type: 'string', default: 'http://127.0.0.1:8400' },
    out: { type: 'string', default: '.' },
    width: { type: 'string', default: '1280' },
    height: { type: 'string', default: '900' },
    dark: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
  },
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const page = await browser.newPage({
  viewport: { width: Number(values.width), height: Number(values.height) },
  colorScheme: values.dark ? 'dark' : 'light',
});
page.on('pageerror', (error) => console.error('page error:', error.message));
page.on('console', (message) => message.type() === 'error' && console.error('console:', message.text()));
await page.goto(`${values.url}/#token=${values.token}`);
await page.waitForSelector('main h1');
await mkdir(values.out, { recursive: true });
for (const path of positionals.length > 0 ? positionals : ['/']) {
  await page.goto(values.url + path);
  await page.waitForSelector('main h1');
  // Streams stay open, so quiet is a moment without new requests.
  await page.waitForTimeout(1200);
  const name =
    (path.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-$/g, '') || 'overview') +
    (values.dark ? '-dark' : '') +
    (Number(values.width) < 800 ? '-narrow' : '');
  const file = join(values.out, `${name}.png`);
  await page.screenshot({ path: file, fullPage: values.full });
  console.log(file);
}
await browser.close();
