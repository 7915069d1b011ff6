import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Schemas } from '../../api/types';
import { changed, type Mapping, ordered, type Path, pathOf, read, renamed } from '../../ui/yaml';
import { type Field, fieldDocument } from './draft';

/** A definition as YAML, which is what there is; the form reads it and changes it in places. */
export function useDefinition(start: string) {
  const [text, setText] = useState(start);
  const saved = useRef(start);
  const now = useRef(text);
  now.current = text;
  const { value, problems } = useMemo(() => read(text), [text]);
  const last = useRef<Mapping>({});
  useEffect(() => {
    if (value) last.current = value;
  }, [value]);
  const set = useCallback((path: Path, next: unknown) => setText((now) => changed(now, path, next)), []);
  const rename = useCallback(
    (path: Path, from: string, to: string) => setText((now) => renamed(now, path, from, to)),
    [],
  );
  const order = useCallback((path: Path, keys: string[]) => setText((now) => ordered(now, path, keys)), []);
  const addFields = useCallback(
    (fields: Field[]) =>
      setText((now) =>
        fields.reduce((text, field) => changed(text, ['mapping', field.name], fieldDocument(field)), now),
      ),
    [],
  );
  const isChanged = useCallback(() => now.current !== saved.current, []);
  const markSaved = useCallback(() => {
    saved.current = now.current;
  }, []);
  return {
    isChanged,
    markSaved,
    text,
    setText,
    value: value ?? last.current,
    isLocked: value === undefined,
    unreadable: problems,
    set,
    rename,
    order,
    addFields,
  };
}

/** A pointer of the server into what was asked about → the path in the definition. */
function pathIn(at: string | null | undefined): string[] | undefined {
  if (!at) return undefined;
  return pathOf(at, '/draft/definition') ?? pathOf(at, '/definition') ?? undefined;
}

export interface PlacedProblem {
  path: string[];
  message: string;
  warning: boolean;
  code: string;
}

/** Problems that have a place in the definition, and those that have none. */
export function placed(problems: Schemas['ProblemItem'][]): {
  inside: PlacedProblem[];
  outside: Schemas['ProblemItem'][];
} {
  const inside: PlacedProblem[] = [];
  const outside: Schemas['ProblemItem'][] = [];
  for (const problem of problems) {
    const path = pathIn(problem.at);
    if (path === undefined) outside.push(problem);
    else {
      const message = [problem.message, problem.help].filter(Boolean).join('; ');
      inside.push({ path, message, warning: problem.warning ?? false, code: problem.code });
    }
  }
  return { inside, outside };
}

/** What is wrong at a path or, unless `exactly`, below it. */
export function problemAt(problems: PlacedProblem[], path: Path, exactly = false): string | undefined {
  const found = problems.filter(
    (problem) =>
      problem.path.length >= path.length &&
      (!exactly || problem.path.length === path.length) &&
      path.every((key, n) => String(key) === problem.path[n]),
  );
  return found.length > 0 ? [...new Set(found.map(({ message }) => message))].join('. ') : undefined;
}
