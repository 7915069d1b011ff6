import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { sql } from '@codemirror/lang-sql';
import { yaml } from '@codemirror/lang-yaml';
import { defaultHighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import classes from './code.module.css';

const LANGUAGES = { json, sql, yaml };

/** An editor of YAML, SQL or JSON. Load it lazily: it is large. Tab leaves it, as everywhere. */
export default function CodeEditor(props: {
  label: string;
  language: keyof typeof LANGUAGES;
  value: string;
  onChange?: (value: string) => void;
  /** What is wrong, by line, counted from 1. */
  problems?: { line: number; message: string; warning?: boolean }[];
  minHeight?: number;
}) {
  const { label, language, value, onChange, problems, minHeight = 120 } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useRef(onChange);
  changed.current = onChange;
  const writable = useRef(new Compartment());
  const isReadOnly = !onChange;

  // biome-ignore lint/correctness/useExhaustiveDependencies: value and rights are brought in below
  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(),
          history(),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          LANGUAGES[language](),
          syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          writable.current.of([]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [language, label]);

  useEffect(() => {
    view.current?.dispatch({
      effects: writable.current.reconfigure([
        EditorState.readOnly.of(isReadOnly),
        EditorView.editable.of(!isReadOnly),
      ]),
    });
  }, [isReadOnly]);

  useEffect(() => {
    const shown = view.current;
    if (shown && shown.state.doc.toString() !== value) {
      shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: value } });
    }
  }, [value]);

  useEffect(() => {
    const shown = view.current;
    if (!shown) return;
    const found: Diagnostic[] = (problems ?? []).map(({ line, message, warning }) => {
      const { from, to } = shown.state.doc.line(Math.min(Math.max(1, line), shown.state.doc.lines));
      return { from, to, message, severity: warning ? 'warning' : 'error' };
    });
    shown.dispatch(setDiagnostics(shown.state, found));
  }, [problems]);

  return <div ref={place} className={classes.code} style={{ minHeight }} />;
}
