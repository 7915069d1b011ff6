import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from './program';
import { until, type World } from './world';

/** A small shop: `shop.item` (a mirror with 20 bad rows of 300), `shop.price` (no file), `office.note`. */
export const SHOP: Files = {
  'syncline.yaml': `
connections:
  shop: { type: files, path: data }
  lake: { type: files, path: out }
  gone: { type: sqlite, path: data/gone.db }
`,
  'syncs/shop.yaml': `
instance: shop
source: shop
target: lake
entities:
  item:
    model: { file: items.csv, key: sku, types: { price: "numeric(10,2)" } }
    to: { object: items.jsonl }
    write_mode: mirror
    guards: { max_deletes: 10% }
  price:
    model: { file: prices.csv, key: sku }
    to: { object: prices.jsonl }
`,
  'syncs/office.yaml': `
instance: office
source: gone
target: lake
entities:
  note:
    model: { table: notes, key: id }
    to: { object: notes.jsonl }
`,
  'data/items.csv': items(300),
  'out/.keep': '',
};

/** Items A001 and on; every fifteenth has a price that is none, the last a comma in its key. */
export function items(rows: number, title = 'Item'): string {
  const lines = Array.from({ length: rows - 1 }, (_, n) => {
    const price = (n + 1) % 15 === 0 ? '<script>alert(1)</script>' : `${n + 1}.50`;
    return `A${String(n + 1).padStart(3, '0')},${title} ${n + 1},${price}`;
  });
  return ['sku,title,price', ...lines, `"B,1",${title} with a comma,1.00`, ''].join('\n');
}

/** Puts other items into the source. */
export async function putItems(it: World, text: string) {
  await writeFile(join(it.server.folder, 'data/items.csv'), text);
}

export interface RunAnswer {
  id: string;
  status: string;
  type: string;
  trigger: string;
  end_reason: string | null;
  retry_of: string | null;
  rows_processed: number;
  rows_created: number;
  rows_deleted: number;
  rows_failed: number;
  options: {
    read_mode: string;
    source_ids: string[];
    max_entities: number | null;
    batch_size: number | null;
    reseed: boolean;
  };
}

const OPEN = ['queued', 'starting', 'running'];

/** Runs a sync by the API and waits until the run stands still. */
export async function ran(it: World, syncId: string, body: unknown = {}): Promise<RunAnswer> {
  const { id } = await it.server.api<RunAnswer>('POST', `/syncs/${syncId}/trigger`, body);
  return settled(it, id);
}

/** The run when it neither waits for its turn nor goes on. */
export async function settled(it: World, id: string): Promise<RunAnswer> {
  return until(
    () => it.server.api<RunAnswer>('GET', `/runs/${id}`),
    (run) => !OPEN.includes(run.status),
  );
}

/** Nothing of the page stands beyond the window's side. */
export async function isWithinWidth(it: World): Promise<boolean> {
  return it.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
}
