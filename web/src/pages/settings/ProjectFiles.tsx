import { List, Skeleton, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import type { Schemas } from '../../api/types';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ErrorCode } from '../../ui/problem';
import { Mark } from '../../ui/status';
import { Ago } from '../../ui/time';
import { useServer } from './server';

/** When the project's files were read, and what is wrong with them, where. */
export function ProjectFiles() {
  const server = useServer().data;
  if (!server) return <Skeleton height={120} />;
  const errors = server.project_problems.filter((problem) => !problem.warning).length;
  const warnings = server.project_problems.length - errors;
  return (
    <Panel
      title="Project files"
      about={
        <>
          Read without an error <Ago at={server.project_read_at} />. They are read again whenever they change.
        </>
      }
    >
      {errors > 0 ? (
        <Mark
          icon={IconCircleX}
          color="var(--state-failed)"
          word={`${counted(errors, 'error')}: what the files said before goes on`}
        />
      ) : warnings > 0 ? (
        <Mark icon={IconAlertTriangle} color="var(--state-partial)" word={counted(warnings, 'warning')} />
      ) : (
        <Mark icon={IconCircleCheck} color="var(--state-completed)" word="No problems" />
      )}
      {server.project_problems.length > 0 && (
        <List size="sm" mt="xs" spacing={6} listStyleType="none">
          {server.project_problems.map((problem) => (
            <List.Item key={(problem.at ?? '') + problem.message}>
              <ProblemOfFile problem={problem} />
            </List.Item>
          ))}
        </List>
      )}
    </Panel>
  );
}

function ProblemOfFile({ problem }: { problem: Schemas['ProblemItem'] }) {
  const { at, message, help, code, warning } = problem;
  return (
    <div style={{ overflowWrap: 'anywhere' }}>
      {at && <div className="mono">{at}</div>}
      {warning && 'Warning: '}
      {message} <ErrorCode code={code} />
      {help && (
        <Text size="sm" c="dimmed">
          {help}
        </Text>
      )}
    </div>
  );
}
