/** Reading a JSON Schema as what a form needs: one option for each key. */

type Schema = Record<string, unknown>;

export interface Choice {
  value: string;
  help?: string;
}

/** One key that can be set, as a form shows it. */
export interface Option {
  name: string;
  label: string;
  help: string;
  kind: 'text' | 'number' | 'yes_no' | 'choice' | 'list' | 'other';
  choices: Choice[];
  required: boolean;
  /** Written, stored encrypted, never shown again. */
  secret: boolean;
  /** Names a file or a folder. */
  path: boolean;
  /** Seldom needed. */
  advanced: boolean;
  default?: unknown;
  example?: string;
  min?: number;
  max?: number;
}

const SHORT_FORMS: Record<string, string> = { url: 'URL', sql: 'SQL', ssl: 'SSL', id: 'ID', api: 'API' };

/** `ssl_root_cert` → `SSL root cert`. */
export function labelOf(name: string): string {
  const words = name.split('_').map((word) => SHORT_FORMS[word] ?? word);
  const text = words.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A size of time as people write it: `PT10S` → `10s`. Other values stay. */
export function readable(value: unknown): string {
  if (Array.isArray(value)) return value.map(readable).join(', ');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const parts = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(text);
  if (!parts) return text;
  const [, hours, minutes, seconds] = parts;
  return [hours && `${hours}h`, minutes && `${minutes}m`, seconds && `${seconds}s`].filter(Boolean).join('');
}

/** The options of an object's schema, in its order. */
export function optionsOf(schema: Schema, root: Schema = schema): Option[] {
  const properties = asSchema(resolved(schema, root).properties);
  const required = asList(resolved(schema, root).required);
  return Object.entries(properties).map(([name, raw]) => ({
    ...optionOf(name, asSchema(raw), root),
    required: required.includes(name),
  }));
}

/** The schema of a key, at a path of keys below another. */
export function schemaAt(root: Schema, path: string[]): Schema {
  let here = withKeys(root, root);
  for (const key of path) {
    const properties = asSchema(here.properties);
    here = withKeys(asSchema(properties[key] ?? here.additionalProperties), root);
  }
  return here;
}

/** Where a value may be a text or a mapping, the mapping. */
function withKeys(schema: Schema, root: Schema): Schema {
  const whole = resolved(schema, root);
  const forms = asList(whole.anyOf).map((one) => resolved(asSchema(one), root));
  return forms.find(({ properties }) => properties !== undefined) ?? whole;
}

function optionOf(name: string, raw: Schema, root: Schema): Option {
  const schema = resolved(raw, root);
  const types = typesOf(schema, root);
  const choices = choicesOf(schema);
  const examples = asList(raw.examples);
  const kind =
    choices.length > 0
      ? 'choice'
      : types.includes('boolean')
        ? 'yes_no'
        : types.includes('string')
          ? 'text'
          : types.includes('integer') || types.includes('number')
            ? 'number'
            : types.includes('array')
              ? 'list'
              : 'other';
  return {
    name,
    label: typeof raw.title === 'string' ? raw.title : labelOf(name),
    help: String(raw.description ?? schema.description ?? ''),
    kind,
    choices,
    required: false,
    secret: raw.writeOnly === true || raw['x-secret'] === true,
    path: raw['x-path'] === true,
    advanced: raw['x-group'] === 'advanced',
    default: raw.default ?? undefined,
    example: examples.length > 0 ? readable(examples[0]) : undefined,
    min: typeof schema.minimum === 'number' ? schema.minimum : undefined,
    max: typeof schema.maximum === 'number' ? schema.maximum : undefined,
  };
}

/** One option of a schema, by its name. */
export function optionNamed(schema: Schema, name: string, root: Schema = schema): Option {
  return optionOf(name, asSchema(asSchema(resolved(schema, root).properties)[name]), root);
}

/** Follows `$ref`, and takes what stands beside `null` in an `anyOf`. */
function resolved(schema: Schema, root: Schema): Schema {
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.replace('#/$defs/', '');
    return resolved(asSchema(asSchema(root.$defs)[name]), root);
  }
  const others = asList(schema.anyOf).filter((one) => asSchema(one).type !== 'null');
  if (others.length === 1) return resolved(asSchema(others[0]), root);
  return schema;
}

/** The types that a value may have, in whichever form. */
function typesOf(schema: Schema, root: Schema): unknown[] {
  const forms = asList(schema.anyOf).map((one) => resolved(asSchema(one), root));
  return [schema, ...forms].flatMap(({ type }) => asList(type));
}

function choicesOf(schema: Schema): Choice[] {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => ({ value: String(value) }));
  const all = asList(schema.oneOf).map(asSchema);
  if (all.length === 0 || all.some((one) => one.const === undefined)) return [];
  return all.map((one) => ({
    value: String(one.const),
    help: one.description === undefined ? undefined : String(one.description),
  }));
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}

function asList(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined ? [] : [value];
}
