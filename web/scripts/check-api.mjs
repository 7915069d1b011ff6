// Fails when the types of the API are not those of its description.
import { readFile } from 'node:fs/promises';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';

const root = new URL('..', import.meta.url);
const made = COMMENT_HEADER + astToString(await openapiTS(new URL('openapi.json', root)));
const kept = await readFile(new URL('src/api/schema.d.ts', root), 'utf8');
if (made !== kept) {
  console.error('src/api/schema.d.ts is not what openapi.json says. Make it anew: npm run api');
  process.exit(1);
}
