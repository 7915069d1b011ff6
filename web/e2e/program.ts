import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Workspace } from './workspace';

const target = process.env.CARGO_TARGET_DIR ?? new URL('../../target', import.meta.url).pathname;
/** The program under test: the one that was built last, unless said otherwise. */
export const SYNCLINE = process.env.SYNCLINE_BIN ?? join(target, 'debug', 'syncline');

const run = promisify(execFile);

/** Runs a command of the program to its end and returns what it printed. */
export async function syncline(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(SYNCLINE, args, { cwd: folder, maxBuffer: 64 << 20 });
  return stdout;
}

/** Files by their path in the project: text. */
export type Files = Record<string, string>;

/** The demo's workspace as it was, in the place where it was played. */
export async function demoFolder({ pristine, place }: Workspace): Promise<string> {
  await rm(place, { recursive: true, force: true });
  await cp(pristine, place, { recursive: true });
  return place;
}

/** A folder of its own for one server, with these files. */
export async function projectFolder(files: Files): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'syncline-e2e-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/** A server over a project's folder, with a token of an administrator. */
export class Server {
  private constructor(
    readonly folder: string,
    readonly url: string,
    readonly token: string,
    private process: ReturnType<typeof spawn>,
  ) {}

  static async start(folder: string): Promise<Server> {
    const made = JSON.parse(
      await syncline(folder, 'token', 'create', '--name', 'tests', '--role', 'admin', '--output', 'json'),
    );
    const port = await freePort();
    const server = new Server(folder, `http://127.0.0.1:${port}`, made.secret, Server.spawn(folder, port));
    await server.untilReady();
    return server;
  }

  private static spawn(folder: string, port: number) {
    const args = ['serve', '--listen', `127.0.0.1:${port}`, '--drain', '0'];
    return spawn(SYNCLINE, args, {
      cwd: folder,
      stdio: ['ignore', 'ignore', process.env.E2E_LOG ? 'inherit' : 'ignore'],
    });
  }

  private async untilReady() {
    for (;;) {
      if (this.process.exitCode !== null) {
        throw new Error(`the server ended with ${this.process.exitCode}; E2E_LOG=1 shows its log`);
      }
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Asks the API as an administrator; answers that are errors are thrown. */
  async api<T = any>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? (undefined as T) : answer.json();
  }

  /** Ends the process; the folder stays. */
  async stop() {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }

  /** Starts it again at the same address. */
  async startAgain() {
    this.process = Server.spawn(this.folder, Number(new URL(this.url).port));
    await this.untilReady();
  }

  /** Ends it and removes its folder. */
  async remove() {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
