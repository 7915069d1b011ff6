/** Documents as YAML: read, written, and changed in one place without losing the rest. */

import {
  type Document,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type ScalarTag,
  stringify,
  type Tags,
} from 'yaml';

export type Path = (string | number)[];
export type Mapping = Record<string, unknown>;

/** A problem at a line, counted from 1. */
export interface LineProblem {
  line: number;
  message: string;
  warning?: boolean;
}

/** As the server reads it: fractions keep their digits, and what is not surely a number is a text. */
const INTEGER = /^[-+]?(0|[1-9][0-9]{0,14})$/;
const customTags = (tags: Tags): Tags =>
  tags
    .filter((tag) => typeof tag === 'string' || !isNumeric(tag as ScalarTag))
    .concat({
      identify: (value) => typeof value === 'number',
      default: true,
      tag: 'tag:yaml.org,2002:int',
      test: INTEGER,
      resolve: (text) => Number(text),
    } satisfies ScalarTag);

function isNumeric(tag: ScalarTag): boolean {
  return tag.tag === 'tag:yaml.org,2002:int' || tag.tag === 'tag:yaml.org,2002:float';
}

const OPTIONS = { customTags, merge: true } as const;

/** Reads a document. Without a value it cannot be read, and the problems say why. */
export function read(text: string): { value?: Mapping; problems: LineProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...OPTIONS, lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map(({ pos, message }) => ({
    line: lines.linePos(pos[0]).line,
    message,
  }));
  if (problems.length > 0) return { problems };
  if (document.contents === null) return { value: {}, problems };
  if (!isMap(document.contents)) {
    return { problems: [{ line: 1, message: 'Here stand keys with values, such as `model:`.' }] };
  }
  return { value: document.toJS() as Mapping, problems };
}

export function write(value: Mapping): string {
  return Object.keys(value).length === 0 ? '' : stringify(value, { customTags, lineWidth: 0 });
}

/** The text with one value set, or taken out when it is undefined; comments and all else stay. */
export function changed(text: string, path: Path, value: unknown): string {
  const document = parseDocument(text, OPTIONS);
  if (document.errors.length > 0) return text;
  if (document.contents === null || !isMap(document.contents)) {
    return write(nested(path, value));
  }
  if (value === undefined) remove(document, path);
  else {
    openParents(document, path);
    document.setIn(path, document.createNode(value));
  }
  return isMap(document.contents) && document.contents.items.length === 0
    ? ''
    : document.toString({ lineWidth: 0 });
}

/** A mapping with its keys in another order. */
export function ordered(text: string, path: Path, keys: string[]): string {
  const document = parseDocument(text, OPTIONS);
  const map = document.getIn(path);
  if (!isMap(map)) return text;
  const place = (item: unknown) =>
    isPair(item) && isScalar(item.key) ? keys.indexOf(String(item.key.value)) : keys.length;
  map.items.sort((a, b) => place(a) - place(b));
  return document.toString({ lineWidth: 0 });
}

/** A key of a mapping under another name, at the same place. */
export function renamed(text: string, path: Path, from: string, to: string): string {
  const document = parseDocument(text, OPTIONS);
  const map = document.getIn(path);
  if (!isMap(map)) return text;
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === from);
  if (!pair || map.has(to)) return text;
  pair.key = document.createNode(to);
  return document.toString({ lineWidth: 0 });
}

/** The line of what stands at a path, or of the nearest thing around it. */
export function lineAt(text: string, path: Path): number {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...OPTIONS, lineCounter: lines });
  let line = 1;
  let here: unknown = document.contents;
  for (const step of path) {
    if (!isCollection(here)) break;
    const pair = here.items.find((item, n) =>
      isPair(item) ? isScalar(item.key) && String(item.key.value) === String(step) : n === Number(step),
    );
    if (pair === undefined) break;
    const node = (isPair(pair) ? pair.key : pair) as ParsedNode;
    if (node.range) line = lines.linePos(node.range[0]).line;
    here = isPair(pair) ? pair.value : pair;
  }
  return line;
}

/** `/definition/mapping/a~1b` below `/definition` → `['mapping', 'a/b']`. */
export function pathOf(pointer: string, below = ''): string[] | undefined {
  if (pointer !== below && !pointer.startsWith(`${below}/`)) return undefined;
  const rest = pointer.slice(below.length);
  return rest
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function nested(path: Path, value: unknown): Mapping {
  if (value === undefined) return {};
  const whole = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  return whole as Mapping;
}

/** What is not a mapping on the way becomes one: `model:` without a value, say. */
function openParents(document: Document, path: Path) {
  for (let depth = 1; depth < path.length; depth += 1) {
    const above = path.slice(0, depth);
    if (!isCollection(document.getIn(above))) document.setIn(above, document.createNode({}));
  }
}

/** Takes a value out, and mappings that are empty then. */
function remove(document: Document, path: Path) {
  if (!document.hasIn(path)) return;
  document.deleteIn(path);
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const above = path.slice(0, depth);
    const map = document.getIn(above);
    if (!isMap(map) || map.items.length > 0) return;
    document.deleteIn(above);
  }
}
