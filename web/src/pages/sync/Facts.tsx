import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Sync } from '../../api/types';
import { count } from '../../ui/format';
import { scheduleWords } from '../../ui/schedule';
import { Ago } from '../../ui/time';
import classes from './sync.module.css';

/** How a sync stands, in one row. */
export function Facts({ sync }: { sync: Sync }) {
  return (
    <dl className={`panel ${classes.facts}`}>
      <Fact label="Schedule">{scheduleWords(sync.schedule)}</Fact>
      <Fact label="Next run">
        {sync.next_run_at ? (
          <Ago at={sync.next_run_at} />
        ) : (
          <Text span c="dimmed" size="md">
            {sync.state === 'active' && sync.schedule?.after ? `after ${sync.schedule.after}` : 'none'}
          </Text>
        )}
      </Fact>
      <Fact label="Last run">
        {sync.last_run ? (
          <Link to="/runs/$runId" params={{ runId: sync.last_run.id }} className="link">
            <Ago at={sync.last_run.started_at ?? sync.last_run.created_at} />
          </Link>
        ) : (
          <Text span c="dimmed" size="md">
            never
          </Text>
        )}
      </Fact>
      <Fact label="Cursor">
        {sync.cursor ? (
          <Link to="." search={{ tab: 'cursor' }} className="link">
            <span className="mono">{sync.cursor}</span>
          </Link>
        ) : (
          <Text span c="dimmed" size="md">
            none
          </Text>
        )}
      </Fact>
      <Fact label="Delivered">{count(sync.delivered)}</Fact>
      <Fact label="Pending">{count(sync.pending)}</Fact>
      <Fact label="Open dead letters">
        {sync.dead_letters > 0 ? (
          <Link to="/dead-letters" search={{ sync: sync.id, state: 'open' }} className="link">
            {count(sync.dead_letters)}
          </Link>
        ) : (
          '0'
        )}
      </Fact>
    </dl>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
