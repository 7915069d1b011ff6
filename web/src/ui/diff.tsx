import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Field } from '../api/types';
import classes from './diff.module.css';
import { plain } from './format';

/** A record's fields before and after: changed ones strong, unchanged ones folded. */
export function RecordDiff({ fields, operation }: { fields: Field[]; operation: string }) {
  const [open, setOpen] = useState(false);
  const changed = fields.filter((field) => JSON.stringify(field.before) !== JSON.stringify(field.after));
  const same = fields.filter((field) => !changed.includes(field));
  const shown = open ? [...changed, ...same] : changed;
  // What is new has no before, and what goes has no after.
  const hasBefore = operation !== 'create' && operation !== 'append';
  const hasAfter = operation !== 'delete';
  return (
    <div>
      <table className={classes.diff}>
        <thead>
          <tr>
            <th scope="col">Field</th>
            {hasBefore && <th scope="col">Before</th>}
            {hasAfter && <th scope="col">After</th>}
          </tr>
        </thead>
        <tbody>
          {shown.map((field) => (
            <tr key={field.field} className={changed.includes(field) ? classes.changed : undefined}>
              <th scope="row">{field.field}</th>
              {hasBefore && (
                <td className={classes.before}>
                  <Value of={field.before} />
                </td>
              )}
              {hasAfter && (
                <td className={classes.after}>
                  <Value of={field.after} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {same.length > 0 && (
        <Button variant="subtle" color="gray" size="compact-xs" onClick={() => setOpen(!open)}>
          {open ? 'Fold' : 'Show'} {same.length} {operation === 'update' ? 'unchanged' : 'empty'}
        </Button>
      )}
    </div>
  );
}

function Value({ of }: { of: unknown }) {
  if (of === null || of === undefined) return <span className={classes.none}>null</span>;
  return <>{plain(of)}</>;
}
