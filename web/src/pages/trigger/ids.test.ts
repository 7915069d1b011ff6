import { expect, test } from 'vitest';
import { readIds } from './ids';

test('ids are separated by commas and lines, and counted once', () => {
  expect(readIds(' 17, 18,,\n19,17 ').ids).toEqual(['17', '18', '19']);
  expect(readIds('').ids).toEqual([]);
});

test('an id with a comma or a quotation mark stands in quotation marks', () => {
  expect(readIds('"Smith, Ada","say ""hi""", plain').ids).toEqual(['Smith, Ada', 'say "hi"', 'plain']);
});

test('ids of composite keys are arrays, quoted or not', () => {
  expect(readIds('["acme", "a,b]"], "[""x"",1]"').ids).toEqual(['["acme","a,b]"]', '["x",1]']);
});

test('what cannot be read is told, with its place', () => {
  expect(readIds('1, "open').problem).toMatch(/"open.*not closed/);
  expect(readIds('["a", ').problem).toMatch(/no JSON array/);
});
