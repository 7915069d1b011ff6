import { Button } from '@mantine/core';
import { IconCircleCheck, IconHandStop } from '@tabler/icons-react';
import { useState } from 'react';
import type { RunDetail } from '../../api/types';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import classes from './run.module.css';

/** What each guard said of the plan: those that object first, the others folded. */
export function Guards({ run }: { run: RunDetail }) {
  const [open, setOpen] = useState(false);
  if (run.guards.length === 0) return null;
  const tripped = run.guards.filter((guard) => guard.tripped);
  const passed = run.guards.filter((guard) => !guard.tripped);
  const wasApproved = run.timeline.some(({ phase }) => phase === 'writing');
  const shown = open ? [...tripped, ...passed] : tripped;
  return (
    <Panel
      title="Guards"
      about={
        tripped.length === 0
          ? `${counted(passed.length, 'guard')} looked at the plan before the first write. None objected.`
          : `${counted(tripped.length, 'guard')} of ${run.guards.length} objected to the plan${wasApproved ? '. It was approved.' : ', before the first write.'}`
      }
    >
      {shown.length > 0 && (
        <ul className={classes.guards}>
          {shown.map((guard) => (
            <li key={guard.guard}>
              {guard.tripped ? (
                <IconHandStop size={16} color="var(--state-held)" aria-label="objects" />
              ) : (
                <IconCircleCheck size={16} color="var(--state-completed)" aria-label="passed" />
              )}
              <span className="mono">{guard.guard}</span>
              <span style={{ overflowWrap: 'anywhere' }}>
                {guard.message}
                {guard.sample.length > 0 && (
                  <span className={classes.why}>
                    {' '}
                    For example <span className="mono">{guard.sample.join(', ')}</span>.
                  </span>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
      {passed.length > 0 && (
        <Button
          variant="subtle"
          color="gray"
          size="compact-xs"
          ml={-8}
          onClick={() => setOpen(!open)}
          aria-expanded={open}
        >
          {open ? 'Hide' : 'Show'} {counted(passed.length, 'verdict')}
          {tripped.length > 0 && ' that passed'}
        </Button>
      )}
    </Panel>
  );
}
