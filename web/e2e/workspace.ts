import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { syncline } from './program';

/** The demo's workspace. What a sync delivered is known by the place of its target, so it keeps its place. */
export interface Workspace {
  /** As the demo left it. */
  pristine: string;
  /** Where it was played, and where each file of tests finds it as it was. */
  place: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    workspace: Workspace;
  }
}

/** Plays the demo once for all tests, unless E2E_WORKSPACE names a folder where it was played before. */
export default async function setup(project: TestProject) {
  const parent = await mkdtemp(join(tmpdir(), 'syncline-e2e-demo-'));
  const place = process.env.E2E_WORKSPACE ?? join(parent, 'demo');
  const pristine = join(parent, 'pristine');
  if (!process.env.E2E_WORKSPACE) {
    await syncline(parent, 'demo', place, '--no-tour', '--no-serve');
  }
  await cp(place, pristine, { recursive: true });
  project.provide('workspace', { pristine, place });
  return async () => {
    if (process.env.E2E_WORKSPACE) {
      await rm(place, { recursive: true, force: true });
      await cp(pristine, place, { recursive: true });
    }
    await rm(parent, { recursive: true, force: true });
  };
}
