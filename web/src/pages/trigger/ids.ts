/**
 * The source ids in a text: separated by commas or line ends. An id with a comma in it stands in quotation
 * marks, doubled inside; one of a composite key is a JSON array, with or without quotation marks around it.
 */
export function readIds(text: string): { ids: string[]; problem?: string } {
  const ids: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/[\s,]/.test(text[at] ?? '')) {
      at += 1;
      continue;
    }
    const read = text[at] === '"' ? quoted(text, at) : text[at] === '[' ? array(text, at) : bare(text, at);
    if ('problem' in read) return { ids: [...new Set(ids)], problem: read.problem };
    if (read.id !== '') ids.push(read.id);
    at = read.end;
  }
  return { ids: [...new Set(ids)] };
}

type Read = { id: string; end: number } | { problem: string };

function bare(text: string, from: number): Read {
  const length = text.slice(from).search(/[,\n]/);
  const end = length < 0 ? text.length : from + length;
  return { id: text.slice(from, end).trim(), end };
}

function quoted(text: string, from: number): Read {
  const found = /^"((?:[^"]|"")*)"\s*(?=,|\n|$)/.exec(text.slice(from));
  if (!found) return { problem: `The quotation marks of ${start(text, from)} are not closed.` };
  return { id: (found[1] ?? '').replaceAll('""', '"'), end: from + found[0].length };
}

function array(text: string, from: number): Read {
  const found = /^\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\]/.exec(text.slice(from));
  try {
    if (!found || !Array.isArray(JSON.parse(found[0]))) throw new Error();
    return { id: JSON.stringify(JSON.parse(found[0])), end: from + found[0].length };
  } catch {
    return { problem: `${start(text, from)} begins like a composite key but is no JSON array.` };
  }
}

function start(text: string, from: number): string {
  const part = text.slice(from, from + 24);
  return part.length < text.length - from ? `${part}…` : part;
}
