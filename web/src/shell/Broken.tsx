import { Code } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { ApiError, Unreachable } from '../api/client';
import { Page, Panel } from '../ui/page';
import { ProblemNote } from '../ui/problem';

/** What is shown in the place of a page that failed. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const isOfServer = error instanceof ApiError || error instanceof Unreachable;
  return (
    <Page
      title="This page failed"
      about={isOfServer ? undefined : 'A defect of these pages, not of your data. Reloading may help.'}
    >
      <Panel>
        {isOfServer ? (
          <ProblemNote error={error} retry={reset} />
        ) : (
          <Code block>{error instanceof Error ? (error.stack ?? error.message) : String(error)}</Code>
        )}
      </Panel>
    </Page>
  );
}
