import { useEffect, useState } from 'react';

/**
 * How many rows a list had when it was last seen: as many are drawn in grey until its answer comes,
 * so that nothing moves then.
 */
export function useRememberedRows(name: string, rows: number | undefined, fallback: number): number {
  const key = `rows.${name}`;
  const [remembered] = useState(() => {
    const stored = Number(localStorage.getItem(key));
    return Number.isInteger(stored) && stored > 0 ? stored : fallback;
  });
  useEffect(() => {
    if (rows) localStorage.setItem(key, String(rows));
  }, [key, rows]);
  return remembered;
}
