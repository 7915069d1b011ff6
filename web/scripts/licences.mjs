// Fails when a package that the web app is made of, or with, has a licence that is not on the list.
import { readFile } from 'node:fs/promises';

const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'OFL-1.1',
  'Python-2.0',
  'Unlicense',
]);
/** Only used while building and testing; nothing of them is in what we ship. */
const ALLOWED_TOOLS = new Set(['CC-BY-4.0', 'MPL-2.0']);

/** An expression such as `(MIT OR Apache-2.0)`: one of its choices, with all of its parts. */
function isAllowed(expression, allowed) {
  const choices = expression.replace(/[()]/g, '').split(' OR ');
  return choices.some((choice) => choice.split(' AND ').every((licence) => allowed.has(licence.trim())));
}

const lock = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'));
const refused = [];
for (const [path, { license, version, dev }] of Object.entries(lock.packages)) {
  if (path === '') continue;
  const allowed = dev ? new Set([...ALLOWED, ...ALLOWED_TOOLS]) : ALLOWED;
  if (typeof license !== 'string' || !isAllowed(license, allowed)) {
    refused.push(`${path.replace(/^.*node_modules\//, '')} ${version}: ${license ?? 'no licence is named'}`);
  }
}
if (refused.length > 0) {
  console.error(
    `These packages have a licence that is not on the list of scripts/licences.mjs:\n${refused.join('\n')}`,
  );
  process.exit(1);
}
