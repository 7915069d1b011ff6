// How long the overview of a running server takes to be there, from nothing, in milliseconds:
//   node scripts/load.mjs --token TOKEN [--url URL] [--times 5]
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values } = parseArgs({
  options: {
    token: { type: 'string' },
    url: { type: 'string', default: 'http://127.0.0.1:8400' },
    times: { type: 'string', default: '5' },
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
  ],
});
for (let n = 0; n < Number(values.times); n += 1) {
  const page = await (await browser.newContext()).newPage();
  const began = performance.now();
  await page.goto(`${values.url}/#token=${values.token}`);
  await page.getByText('Last 24 hours').waitFor();
  await page.locator('main table tbody tr a').first().waitFor();
  console.log(Math.round(performance.now() - began));
  await page.context().close();
}
await browser.close();
