import { createContext, useContext } from 'react';
import type { Schemas } from '../../api/types';
import type { Mapping, Path } from '../../ui/yaml';
import type { Connector } from '../connections/kind';
import type { Column, Field } from './draft';

/** What every part of the editor works on. */
interface Editing {
  /** JSON Schema of an instance's file, as the server has it. */
  schema: Record<string, unknown>;
  instance: string;
  source: string;
  target: string;
  reads?: Connector;
  writes?: Connector;
  /** The definition as it could be read last. */
  value: Mapping;
  /** The YAML cannot be read: the form waits until it can. */
  isLocked: boolean;
  set: (path: Path, value: unknown) => void;
  rename: (path: Path, from: string, to: string) => void;
  order: (path: Path, keys: string[]) => void;
  /** Adds fields to the mapping at once. */
  addFields: (fields: Field[]) => void;
  /** What is wrong at a path or, unless `exactly`, below it. */
  problem: (path: Path, exactly?: boolean) => string | undefined;
  /** Columns of the model and of the target, as far as they are known. */
  columns: Column[];
  targetColumns: Column[];
  /** What the source declares to be the key of the table that is read. */
  declaredKey: string[];
  /** How the target would be made, where it is missing. */
  creation?: string;
  /** The row of the preview that is looked at. */
  row?: Schemas['PreviewRowView'];
}

export const EditingContext = createContext<Editing | undefined>(undefined);

export function useEditing(): Editing {
  const editing = useContext(EditingContext);
  if (!editing) throw new Error('this part stands outside the editor');
  return editing;
}
