/** What the settings of a sync mean, for people who read them. */

const WRITE_MODES: Record<string, string> = {
  insert: 'Creates records with new keys. What is at the target already is left alone.',
  update: 'Updates records that the target has. Creates and deletes none.',
  upsert: 'Creates new records and updates known ones. Deletes none.',
  mirror: 'Creates, updates, and deletes what this sync delivered once it has left the model.',
  append: 'Adds each new or changed row. What was added before is never changed.',
  two_way: 'Keeps both sides equal: edits on either side reach the other.',
};

export interface Setting {
  /** Where it stands in the definition. */
  path: string;
  title: string;
  /** By value; `*` for every other. */
  meaning: Record<string, string>;
  /** Of mirrors only; of syncs with a cursor only. */
  mirror?: boolean;
  cursor?: boolean;
}

export const SETTINGS: Setting[] = [
  { path: 'write_mode', title: 'Write mode', meaning: WRITE_MODES },
  {
    path: 'on_removed',
    title: 'Records that left the model',
    mirror: true,
    meaning: {
      delete: 'They are deleted at the target.',
      clear_fields: 'Every delivered field but the match fields becomes NULL at the target.',
      ignore: 'They stay at the target as they are.',
      '*': 'They stay at the target, and this field of theirs is set.',
    },
  },
  {
    path: 'on_match_change',
    title: 'Match value changes',
    meaning: {
      fail: 'A known record whose match value changes is an error of that row.',
      update_by_id: 'The known record at the target gets the new match value.',
      recreate: 'The known record is removed at the target and created anew.',
    },
  },
  {
    path: 'duplicates',
    title: 'Duplicate keys',
    meaning: {
      fail: 'Two rows with the same key fail the run, which names them.',
      keep_first: 'Of rows with the same key the first counts.',
      keep_last: 'Of rows with the same key the last counts.',
    },
  },
  {
    path: 'full_read_every',
    title: 'Complete read',
    mirror: true,
    cursor: true,
    meaning: { '*': 'This often a run reads all keys, to find records that left the model.' },
  },
  {
    path: 'lookback',
    title: 'Lookback',
    cursor: true,
    meaning: { '*': 'So far before the cursor a run reads again, for rows that were committed late.' },
  },
  {
    path: 'exclude',
    title: 'Excluded rows',
    meaning: { '*': 'Rows where this SQL condition is true are skipped.' },
  },
  {
    path: 'excluded_keys',
    title: 'Excluded keys',
    meaning: { '*': 'Records with these keys are always skipped.' },
  },
  {
    path: 'publish',
    title: 'Publishing',
    meaning: {
      atomic: 'All rows of a run become visible at once; a run that fails leaves nothing behind.',
      progressive: 'Rows become visible as they are written; a run that ends early says how many.',
    },
  },
  {
    path: 'batch_size',
    title: 'Batch size',
    meaning: { '*': 'Rows that are sent to the target together.' },
  },
  {
    path: 'schema_change',
    title: 'Changed columns',
    meaning: {
      fail: 'A mapped column that is gone or of another type fails the run before it writes.',
      adapt: 'A run goes on with what is left of the columns it maps.',
    },
  },
  {
    path: 'store_values',
    title: 'Values kept',
    meaning: {
      full: 'Before and after of each changed field are kept for the life of a record.',
      masked: 'Of values only a mask is kept: that they changed, not what they are.',
      none: 'No values are kept, only which fields changed.',
    },
  },
  {
    path: 'plan_ttl',
    title: 'Age of a plan',
    meaning: { '*': 'A held plan that is older is made again before it is written.' },
  },
  {
    path: 'halt.failed_rows',
    title: 'Halt: failed rows',
    meaning: {
      off: 'Failed rows never halt the sync.',
      '*': 'When more rows of a run fail for the first time, the run fails and the sync halts.',
    },
  },
  {
    path: 'halt.consecutive_failures',
    title: 'Halt: failed runs in a row',
    meaning: {
      off: 'Failed runs never halt the sync.',
      '*': 'After so many failed runs in a row the sync halts until somebody activates it.',
    },
  },
];

/** What holds where a guard has no limit of its own. */
export const NO_LIMIT: Record<string, string> = {
  max_updates: 'none, but after a change 1,000 and 50 %',
  max_deletes: '10, and beyond that 10 % or 1,000',
};

/** Guards with a limit that is set per sync. */
export const GUARDS: Record<string, string> = {
  max_creates: 'Records that one run may create.',
  max_updates: 'Records that one run may update.',
  max_deletes: 'Records that may be deleted, cleared or flagged within 24 hours.',
  max_source_drop: 'How far a complete read may fall below the median of the last five.',
  max_nulled: "How many percentage points a field's share of NULLs may rise.",
  max_invalid: 'Rows that may fail before anything is sent.',
};

/** Guards that always hold. */
export const ALWAYS: Record<string, string> = {
  target_changed: 'The target must be the one that was delivered to before.',
  restored: 'After the state was restored, nothing may be written twice.',
  empty_model: 'A model that suddenly returns no row deletes nothing.',
  unkeyed_rows: 'While more rows than before lack a usable key, nothing is deleted.',
};
