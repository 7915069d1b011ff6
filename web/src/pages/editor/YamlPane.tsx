import { List, Skeleton, Text } from '@mantine/core';
import { lazy, Suspense, useMemo } from 'react';
import { type LineProblem, lineAt } from '../../ui/yaml';
import type { PlacedProblem } from './useDefinition';

const CodeEditor = lazy(() => import('../../ui/code'));

/** The definition as it is written; what is changed here changes the form, and the other way round. */
export function YamlPane(props: {
  text: string;
  onChange?: (text: string) => void;
  unreadable: LineProblem[];
  problems: PlacedProblem[];
}) {
  const { text, onChange, unreadable, problems } = props;
  const marked = useMemo(
    () => [...unreadable, ...problems.map((problem) => ({ ...problem, line: lineAt(text, problem.path) }))],
    [text, unreadable, problems],
  );
  return (
    <div>
      <Suspense fallback={<Skeleton height={360} m="sm" />}>
        <CodeEditor
          label="YAML of the sync"
          language="yaml"
          value={text}
          onChange={onChange}
          problems={marked}
          minHeight={360}
        />
      </Suspense>
      {marked.length > 0 && (
        <List size="sm" p="sm" listStyleType="none" role="alert">
          {marked.map(({ line, message }) => (
            <List.Item key={`${line} ${message}`}>
              <b className="num">Line {line}:</b> {message}
            </List.Item>
          ))}
        </List>
      )}
      {unreadable.length > 0 && (
        <Text size="sm" c="red" px="sm" pb="sm">
          The form waits until this can be read.
        </Text>
      )}
    </div>
  );
}
