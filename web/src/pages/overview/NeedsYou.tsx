import { Skeleton } from '@mantine/core';
import {
  type Icon,
  IconAlertTriangle,
  IconChevronRight,
  IconCircleCheck,
  IconCircleX,
  IconFileAlert,
  IconHandStop,
  IconMailOff,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/time';
import type { Kind, Need } from './needs';
import classes from './overview.module.css';

const LOOKS: Record<Kind, { icon: Icon; color: string }> = {
  held: { icon: IconHandStop, color: 'var(--state-held)' },
  halted: { icon: IconHandStop, color: 'var(--state-failed)' },
  failing: { icon: IconCircleX, color: 'var(--state-failed)' },
  review: { icon: IconAlertTriangle, color: 'var(--state-partial)' },
  systematic: { icon: IconAlertTriangle, color: 'var(--state-partial)' },
  problem: { icon: IconFileAlert, color: 'var(--state-failed)' },
  letters: { icon: IconMailOff, color: 'var(--state-partial)' },
};

/** What waits for a person; each line leads to where it is decided. */
export function NeedsYou({ needs }: { needs: Need[] | undefined }) {
  if (needs?.length === 0)
    return (
      <div className={classes.calm}>
        <IconCircleCheck size={28} stroke={1.6} color="var(--state-completed)" aria-hidden />
        <div className={classes.calmTitle}>Nothing needs you now</div>
        <div className={classes.soft}>
          No run is held, no sync is halted or failing, no record is left behind.
        </div>
      </div>
    );
  return (
    <ul className={classes.lines} aria-label="Needs you now" aria-busy={!needs}>
      {needs
        ? needs.map((need) => <Line key={need.key} need={need} />)
        : ['a', 'b', 'c'].map((key) => <GreyLine key={key} />)}
    </ul>
  );
}

function Line({ need }: { need: Need }) {
  const { icon: Sign, color } = LOOKS[need.kind];
  return (
    <li className={classes.line}>
      <Sign size={18} color={color} aria-hidden className={classes.sign} />
      <div className={classes.what}>
        <Link
          to={need.to}
          params={need.params as never}
          search={need.search as never}
          className={classes.lineLink}
          title={need.detail}
        >
          {need.title}
        </Link>
        <div className={classes.soft}>{need.detail ?? ' '}</div>
      </div>
      <div className={classes.aside}>
        <span className={classes.soft}>{need.at && <Ago at={need.at} />}</span>
        <span className={classes.todo}>
          {need.todo}
          <IconChevronRight size={14} aria-hidden />
        </span>
      </div>
    </li>
  );
}

export function GreyLine() {
  return (
    <li className={classes.line}>
      <Skeleton height={18} width={18} circle />
      <div className={classes.what}>
        <Skeleton height={10} width="55%" mb={8} />
        <Skeleton height={8} width="80%" />
      </div>
    </li>
  );
}
