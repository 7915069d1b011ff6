import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, expect, inject } from 'vitest';
import { demoFolder, type Files, projectFolder, Server } from './program';

/** A server with a browser that is signed in. */
export interface World {
  server: Server;
  browser: Browser;
  page: Page;
  /** Opens a path and waits until its page has a heading. */
  goto(path: string): Promise<void>;
}

interface Options {
  /** Files of a project; without it the demo's workspace. */
  files?: Files;
  /** What is done in the project's folder before the server starts. */
  prepare?: (folder: string) => void;
  width?: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
  /** No sync runs by itself: figures change when a test changes them, and only then. */
  quiet?: boolean;
}

/** How long something that never comes is waited for, in milliseconds; nothing is measured by it. */
export const WAIT = 90_000;

/** What ends the worlds of a file; hooks are heard only when they are given while the file is read. */
const endings: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of endings.splice(0)) await end();
});

/** Makes a world that ends with the tests of its file. An error on a page fails the file. */
export async function world(options: Options = {}): Promise<World> {
  const folder = options.files ? await projectFolder(options.files) : await demoFolder(inject('workspace'));
  options.prepare?.(folder);
  const server = await Server.start(folder);
  if (options.quiet) await quieten(server);
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
  const { page, errors } = await signedIn(server, browser, options);
  endings.push(async () => {
    await browser.close();
    await server.remove();
    expect(errors, 'errors on pages').toEqual([]);
  });
  async function goto(path: string) {
    await page.goto(server.url + path);
    await page.locator('main h1').first().waitFor();
  }
  return { server, browser, page, goto };
}

/** One more window of its own, signed in with a token. */
export async function signedIn(
  server: Server,
  browser: Browser,
  options: Options = {},
  token = server.token,
) {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
    colorScheme: options.colorScheme ?? 'light',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(WAIT);
  await context.addInitScript(keepTold);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|React/.test(message.text()))
      errors.push(message.text());
  });
  await page.goto(`${server.url}/#token=${token}`);
  await page.locator('main h1').first().waitFor();
  return { page, errors };
}

/** Ends what goes on in the workspace, and lets nothing start again. */
async function quieten(server: Server) {
  const { data } = await server.api('GET', '/syncs?state=active&per_page=200');
  for (const { id } of data) await server.api('POST', `/syncs/${id}/deactivate`);
  await until(
    async () => {
      const { data } = await server.api('GET', '/runs?status=scheduled,queued,starting,running');
      // One that ends by itself meanwhile cannot be cancelled any more.
      for (const { id } of data) await server.api('POST', `/runs/${id}/cancel`).catch(() => undefined);
      return data.length;
    },
    (left) => left === 0,
  );
}

/** In the page: keeps the messages that vanish by themselves after a few seconds. */
function keepTold() {
  const messages: string[] = [];
  Object.assign(window, { messages });
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        for (const alert of [node, ...node.querySelectorAll('[role=alert]')]) {
          if (alert.matches('[role=alert]')) messages.push(alert.textContent);
        }
      }
    }
  }).observe(document, { childList: true, subtree: true });
}

/** Waits until a message was told on the page since it was loaded, be it still there or not. */
export async function told(page: Page, message: string) {
  await page.waitForFunction(
    (text) => (window as unknown as { messages: string[] }).messages.some((each) => each.includes(text)),
    message,
  );
}

/** No finding of axe that is serious or critical on what is shown. */
export async function expectAccessible(page: Page) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])
    .analyze();
  const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = bad.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes
        .slice(0, 5)
        .map((node) => node.html)
        .join('\n  ')}`,
  );
  expect(told).toEqual([]);
}

/** Asks until the answer is as it should be; what never is, ends with the test's time. */
export async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
