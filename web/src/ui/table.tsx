import {
  ActionIcon,
  Checkbox,
  Group,
  Pagination as Pages,
  Popover,
  Skeleton,
  Stack,
  Text,
  Tooltip,
} from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { IconColumns } from '@tabler/icons-react';
import { Link, type LinkProps } from '@tanstack/react-router';
import { Fragment, type ReactNode } from 'react';
import type { Pagination } from '../api/types';
import { count } from './format';
import { ProblemNote } from './problem';
import { useRememberedRows } from './remembered';
import classes from './table.module.css';

export interface Column<T> {
  id: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Figures stand at the right. */
  figure?: boolean;
  /** Not shown until somebody chooses it. */
  optional?: boolean;
  /** Shown whatever is chosen. */
  always?: boolean;
  /** Left out on narrow screens. */
  wide?: boolean;
  /** Long text: shown whole, on several lines. */
  wraps?: boolean;
  /** Holds buttons: stays in sight at the right, its title is only read out. */
  buttons?: boolean;
  /** As wide at least, so that the columns stay where they are when the rows come. */
  width?: number;
}

/** Rows that people chose, by their keys, on this page and others. */
interface Selection<T> {
  chosen: ReadonlySet<string>;
  choose: (keys: Set<string>) => void;
  /** How a row is called to those who cannot see it. */
  nameOf: (row: T) => string;
}

interface Target {
  to: LinkProps['to'];
  params?: Record<string, string>;
  search?: Record<string, unknown>;
}

/** A table whose rows are links. Columns that people choose are remembered under its name. */
export function DataTable<T>(props: {
  name: string;
  label: string;
  columns: Column<T>[];
  rows: T[] | undefined;
  keyOf: (row: T) => string;
  href?: (row: T) => Target;
  selection?: Selection<T>;
  error?: unknown;
  retry?: () => void;
  empty: ReactNode;
  /** Rows drawn in grey until the first answer ever; later as many as there were last. */
  skeletonRows?: number;
  /** More about a row, below it; nothing as long as it is closed. */
  below?: (row: T) => ReactNode;
}) {
  const { name, label, columns, rows, keyOf, href, selection, error, retry, empty, skeletonRows = 8 } = props;
  const { below } = props;
  const greyRows = useRememberedRows(name, rows?.length, skeletonRows);
  const [chosen, setChosen] = useLocalStorage<Record<string, boolean>>({
    key: `columns.${name}`,
    defaultValue: {},
  });
  const isShown = (column: Column<T>) => column.always || (chosen[column.id] ?? !column.optional);
  const shown = columns.filter(isShown);
  if (error && !rows)
    return (
      <div style={{ padding: 16 }}>
        <ProblemNote error={error} retry={retry} />
      </div>
    );
  if (rows?.length === 0) return empty;
  const choosable = columns.filter((column) => !column.always);
  const canChoose = choosable.some((column) => column.optional);
  return (
    <div className={classes.frame}>
      {canChoose && (
        <ColumnChoice
          columns={choosable}
          isShown={isShown}
          choose={(id, on) => setChosen({ ...chosen, [id]: on })}
        />
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className={classes.scroll} tabIndex={0} aria-label={label}>
        <table className={canChoose ? `${classes.table} ${classes.choosing}` : classes.table}>
          <caption className="visually-hidden">{label}</caption>
          <thead>
            <tr>
              {selection && (
                <th scope="col" className={classes.tick}>
                  <TickAll selection={selection} keys={rows?.map(keyOf) ?? []} />
                </th>
              )}
              {shown.map((column) => (
                <th
                  key={column.id}
                  scope="col"
                  className={cellClass(column)}
                  style={column.width ? { minWidth: column.width } : undefined}
                >
                  {column.buttons ? <span className="visually-hidden">{column.title}</span> : column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows
              ? rows.map((row) => (
                  <Fragment key={keyOf(row)}>
                    <tr className={href ? classes.link : undefined}>
                      {selection && (
                        <td className={classes.tick}>
                          <Tick selection={selection} id={keyOf(row)} name={selection.nameOf(row)} />
                        </td>
                      )}
                      {shown.map((column, n) => (
                        <td key={column.id} className={cellClass(column)}>
                          {n === 0 && href ? (
                            <RowLink target={href(row)}>{column.cell(row)}</RowLink>
                          ) : (
                            column.cell(row)
                          )}
                        </td>
                      ))}
                    </tr>
                    <Below columns={shown.length + (selection ? 1 : 0)}>{below?.(row)}</Below>
                  </Fragment>
                ))
              : Array.from({ length: greyRows }, (_, n) => `grey${n}`).map((key) => (
                  <tr key={key}>
                    {selection && <td className={classes.tick} />}
                    {shown.map((column) => (
                      <td key={column.id} className={cellClass(column)}>
                        <Skeleton height={10} />
                      </td>
                    ))}
                  </tr>
                ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

function Below({ columns, children }: { columns: number; children: ReactNode }) {
  if (!children) return null;
  return (
    <tr>
      <td colSpan={columns} className={classes.below}>
        {children}
      </td>
    </tr>
  );
}

function TickAll<T>({ selection, keys }: { selection: Selection<T>; keys: string[] }) {
  const { chosen, choose } = selection;
  const here = keys.filter((key) => chosen.has(key)).length;
  const isAll = keys.length > 0 && here === keys.length;
  return (
    <Checkbox
      size="xs"
      aria-label="Choose all of this page"
      checked={isAll}
      indeterminate={here > 0 && !isAll}
      disabled={keys.length === 0}
      onChange={() => {
        const next = new Set(chosen);
        for (const key of keys) {
          if (isAll) next.delete(key);
          else next.add(key);
        }
        choose(next);
      }}
    />
  );
}

function Tick<T>({ selection, id, name }: { selection: Selection<T>; id: string; name: string }) {
  const { chosen, choose } = selection;
  return (
    <Checkbox
      size="xs"
      aria-label={`Choose ${name}`}
      checked={chosen.has(id)}
      onChange={() => {
        const next = new Set(chosen);
        if (!next.delete(id)) next.add(id);
        choose(next);
      }}
    />
  );
}

function RowLink({ target, children }: { target: Target; children: ReactNode }) {
  return (
    <Link
      to={target.to}
      params={target.params as never}
      search={target.search as never}
      className={classes.rowLink}
    >
      {children}
    </Link>
  );
}

function cellClass<T>(column: Column<T>): string {
  const { figure, wide, buttons, wraps } = column;
  return [figure && classes.figure, wide && classes.wide, buttons && classes.buttons, wraps && classes.wraps]
    .filter(Boolean)
    .join(' ');
}

function ColumnChoice<T>(props: {
  columns: Column<T>[];
  isShown: (column: Column<T>) => boolean;
  choose: (id: string, on: boolean) => void;
}) {
  return (
    <Popover position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Tooltip label="Choose columns">
          <ActionIcon
            className={classes.choice}
            variant="subtle"
            color="gray"
            size="sm"
            aria-label="Choose columns"
          >
            <IconColumns size={16} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap={6}>
          {props.columns.map((column) => (
            <Checkbox
              key={column.id}
              size="xs"
              label={column.title}
              checked={props.isShown(column)}
              onChange={(event) => props.choose(column.id, event.currentTarget.checked)}
            />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Which part of a list is shown, and the way to the others. */
export function Pager({
  pagination,
  onPage,
}: {
  pagination: Pagination | undefined;
  onPage: (page: number) => void;
}) {
  if (!pagination || pagination.total === 0) return null;
  const { page, per_page, total } = pagination;
  const pages = Math.ceil(total / per_page);
  const from = (page - 1) * per_page + 1;
  return (
    <Group justify="space-between" px="md" py="xs">
      <Text size="sm" c="dimmed" className="num">
        {count(Math.min(from, total))}–{count(Math.min(page * per_page, total))} of {count(total)}
      </Text>
      {pages > 1 && (
        <Pages
          size="sm"
          value={page}
          total={pages}
          onChange={onPage}
          withEdges
          getControlProps={(control) => ({ 'aria-label': `${control} page` })}
          getItemProps={(n) => ({ 'aria-label': `Page ${n}` })}
        />
      )}
    </Group>
  );
}
