import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Schemas } from '../../api/types';
import { count } from '../../ui/format';
import { stageWord } from '../../ui/stages';
import classes from './errors.module.css';

export type Group = Schemas['RowErrorGroupView'];

/** Kinds of errors shown before the others are asked for. */
const SHOWN = 5;

/** The kinds of errors of a run, the most frequent first; pressing one lists only its rows. */
export function ErrorGroups(props: {
  groups: Group[];
  isChosen: (group: Group) => boolean;
  choose: (group: Group) => void;
}) {
  const { groups, isChosen, choose } = props;
  const [open, setOpen] = useState(false);
  const most = groups[0]?.count ?? 1;
  const shown = open ? groups : groups.filter((group, n) => n < SHOWN || isChosen(group));
  if (groups.length < 2) return null;
  return (
    <section className={classes.groups} aria-label="Kinds of errors">
      {shown.map((group) => (
        <button
          type="button"
          key={`${group.code} ${group.stage} ${group.field}`}
          className={classes.group}
          aria-pressed={isChosen(group)}
          onClick={() => choose(group)}
        >
          <span className={classes.number}>{count(group.count)}</span>
          <span className={classes.share} aria-hidden>
            <span style={{ width: `${(100 * group.count) / most}%` }} />
          </span>
          <span className={classes.message} title={group.message}>
            {group.field && <b>{group.field}: </b>}
            {group.message}
          </span>
          <span className={`mono ${classes.code}`}>{group.code}</span>
          <span className={classes.stage}>{stageWord(group.stage)}</span>
        </button>
      ))}
      {groups.length > shown.length && (
        <Button variant="subtle" color="gray" size="compact-xs" onClick={() => setOpen(true)}>
          Show all {groups.length} kinds
        </Button>
      )}
    </section>
  );
}
