/** Reading what a URL says after `?`: what is not as it should be is left out. */

type Raw = Record<string, unknown>;

/** What a page's address may say: each part may be missing. */
export function search<T extends object>(read: (raw: Raw) => T): (raw: Raw) => Partial<T> {
  return read;
}

/** A text; numbers and booleans that the URL's reader made of one are texts again. */
export function text(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A page's number, from 1 on. */
export function page(raw: Raw): number | undefined {
  const value = Number(raw.page);
  return Number.isInteger(value) && value > 1 ? value : undefined;
}

/** One of these words. */
export function oneOf<T extends string>(raw: Raw, name: string, words: readonly T[]): T | undefined {
  return words.find((word) => word === raw[name]);
}
