import { Button, Skeleton } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Empty } from '../../ui/empty';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/page';
import { flagWord } from '../../ui/status';
import { Ago } from '../../ui/time';
import classes from './changes.module.css';
import type { Change } from './flagged';

/** Changes shown before the rest is asked for. */
const FIRST = 6;

/** Runs that differ suddenly from those before them, with what that usually comes from. */
export function Changes({ changes }: { changes: Change[] | undefined }) {
  const [isAll, setIsAll] = useState(false);
  const shown = isAll ? changes : changes?.slice(0, FIRST);
  return (
    <Panel title="Sudden changes" about="Against the median of the ten runs before." pad={false}>
      {shown === undefined ? (
        <Skeleton height={96} m="md" w="auto" />
      ) : shown.length === 0 ? (
        <Empty title="Nothing changed suddenly">
          Runs with half as many rows more or less than usual, twice the duration, or more errors stand here.
        </Empty>
      ) : (
        <ul className={classes.changes}>
          {shown.map((change) => (
            <Line key={change.runId + change.flag.kind} change={change} />
          ))}
        </ul>
      )}
      {changes && shown && shown.length < changes.length && (
        <Button variant="subtle" color="gray" m="xs" onClick={() => setIsAll(true)}>
          Show {counted(changes.length - shown.length, 'more change')}
        </Button>
      )}
    </Panel>
  );
}

function Line({ change: { syncId, runId, at, flag } }: { change: Change }) {
  return (
    <li className={classes.change}>
      <IconAlertTriangle size={16} color="var(--state-partial)" aria-hidden className={classes.sign} />
      <div className={classes.what}>
        <Link
          to="/syncs/$syncId"
          params={{ syncId }}
          search={{ tab: 'trends' }}
          className={`quiet ${classes.sync}`}
        >
          {syncId}
        </Link>
        <div>
          {flagWord(flag.kind)}: {flag.message}
        </div>
        <Link to="/runs/$runId" params={{ runId }} className="link">
          Run <Ago at={at} />
        </Link>
      </div>
      <div>
        <div className={classes.soft}>Likely causes</div>
        <ul className={classes.causes}>
          {flag.likely_causes.map((cause) => (
            <li key={cause}>{cause}</li>
          ))}
        </ul>
      </div>
    </li>
  );
}
