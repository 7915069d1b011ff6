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
}

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
  context.setDefaultTimeout(20_000);
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
