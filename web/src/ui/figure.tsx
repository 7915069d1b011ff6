import { Skeleton } from '@mantine/core';
import { Link, type LinkProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import classes from './figure.module.css';

/** Figures side by side. */
export function Figures({ children }: { children: ReactNode }) {
  return <dl className={classes.figures}>{children}</dl>;
}

/** One figure with its name; as long as it is not known, its place is kept. */
export function Figure(props: {
  name: string;
  value: ReactNode | undefined;
  /** A line below, for what to compare it with. */
  beside?: ReactNode;
  /** Where there is more about it. */
  to?: LinkProps['to'];
  search?: Record<string, unknown>;
}) {
  const { name, value, beside, to, search } = props;
  const shown = value === undefined ? <Skeleton height={20} width={72} my={4} /> : value;
  return (
    <div className={classes.figure}>
      <dt className={classes.name}>{name}</dt>
      <dd className={classes.value}>
        {to ? (
          <Link to={to} search={search as never} className={classes.link}>
            {shown}
          </Link>
        ) : (
          shown
        )}
      </dd>
      {beside !== undefined && <dd className={classes.beside}>{beside}</dd>}
    </div>
  );
}
