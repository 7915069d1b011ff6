import type { components, paths } from './schema';

export type Schemas = components['schemas'];
export type { components, paths };

export type Run = Schemas['RunView'];
export type RunDetail = Schemas['RunDetail'];
export type Sync = Schemas['SyncView'];
export type InstanceView = Schemas['InstanceView'];
export type Letter = Schemas['LetterView'];
export type LetterGroup = Schemas['LetterGroupView'];
export type Change = Schemas['ChangeView'];
export type Field = Schemas['FieldView'];
export type Problem = Schemas['Problem'];
export type Pagination = Schemas['Pagination'];

/** What a person may do; each role may do what those before it may. */
export type Role = Schemas['Role'];

/** Figures of a run that goes on, as the stream of events tells them. */
export type Progress = Schemas['ProgressView'];
