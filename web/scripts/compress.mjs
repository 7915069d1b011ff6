// Puts compressed forms beside the files of the build; the server sends the smallest that a browser takes.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist', import.meta.url).pathname;
/** Pictures and fonts are compressed already. */
const TEXTS = /\.(js|css|html|svg|json|txt|webmanifest)$/;
/** Smaller files gain nothing. */
const BYTES_MIN = 512;

const totals = { plain: 0, br: 0 };
for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !TEXTS.test(entry.name)) continue;
  const file = join(entry.parentPath, entry.name);
  const plain = await readFile(file);
  if (plain.length < BYTES_MIN) continue;
  const quality = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  const br = brotliCompressSync(plain, { params: quality });
  await writeFile(`${file}.br`, br);
  await writeFile(`${file}.gz`, gzipSync(plain, { level: 9 }));
  totals.plain += plain.length;
  totals.br += br.length;
}
const kb = (bytes) => `${Math.round(bytes / 1024).toLocaleString('en')} KB`;
console.log(`${kb(totals.plain)} of text, compressed ${kb(totals.br)}`);
