import type { ComboboxItem, OptionsFilter } from '@mantine/core';
import type { Cut } from '../api/all';
import { count, counted } from './format';

/** Choices that are shown at once; writing narrows down which. */
const SHOWN = 200;

/** What the choices are of where the list of them was cut off: `the first 10,000 of 12,345 syncs`. */
export function firstOf(cut: Cut | undefined, one: string): string | undefined {
  return cut && `the first ${count(cut.first)} of ${counted(cut.of, one)}`;
}

/** Finds choices by what is written into their field. The last line says what is not shown, if there is more. */
export function narrowed(of?: string): OptionsFilter {
  return ({ options, search }) => {
    const wanted = search.trim().toLowerCase();
    const found = options.filter(
      (option): option is ComboboxItem => 'label' in option && option.label.toLowerCase().includes(wanted),
    );
    const shown = found.slice(0, SHOWN);
    const rest = told(found.length, of);
    return rest ? [...shown, { value: ' ', label: rest, disabled: true }] : shown;
  };
}

function told(found: number, of: string | undefined): string | undefined {
  if (found > SHOWN) {
    const more = `${count(found - SHOWN)} more`;
    return of ? `${more} of ${of}: write to find them` : `${more}: write to find them`;
  }
  if (!of) return undefined;
  return found === 0 ? `There is none like that among ${of}` : `Only ${of} are looked at`;
}
