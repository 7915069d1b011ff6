import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { syncline } from './program';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of the demo's workspace, made once; tests work on copies. */
    workspace: string;
  }
}

/** Plays the demo once for all tests, unless E2E_WORKSPACE names a folder where it was played before. */
export default async function setup(project: TestProject) {
  const given = process.env.E2E_WORKSPACE;
  if (given) {
    project.provide('workspace', given);
    return;
  }
  const parent = await mkdtemp(join(tmpdir(), 'syncline-e2e-demo-'));
  const folder = join(parent, 'demo');
  await syncline(parent, 'demo', folder, '--no-serve');
  project.provide('workspace', folder);
  return () => rm(parent, { recursive: true, force: true });
}
