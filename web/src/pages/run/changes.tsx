import { ActionIcon, Group, Skeleton, Text } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Fragment, type ReactNode, useState } from 'react';
import type { Change } from '../../api/types';
import { RecordDiff } from '../../ui/diff';
import { ErrorCode } from '../../ui/problem';
import { Operation, Result } from '../../ui/result';
import table from '../../ui/table.module.css';
import { sentence } from '../../ui/verdict';
import classes from './changes.module.css';

/** Changes, each of which opens to its fields before and after. */
export function ChangeTable(props: {
  label: string;
  syncId: string;
  changes: Change[] | undefined;
  /** They are of several operations, and were carried out: says which, and what became of each. */
  withResult?: boolean;
  empty: ReactNode;
  skeletonRows?: number;
}) {
  const { label, syncId, changes, withResult, empty, skeletonRows = 8 } = props;
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  if (changes?.length === 0) return empty;
  const columns = withResult ? 5 : 3;

  function toggle(id: string) {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  }

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={table.scroll} tabIndex={0} aria-label={label}>
      <table className={table.table}>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            <th scope="col" className={classes.opener}>
              <span className="visually-hidden">Fields</span>
            </th>
            <th scope="col">Row ID</th>
            {withResult && <th scope="col">Operation</th>}
            {withResult && <th scope="col">Result</th>}
            <th scope="col">Fields</th>
          </tr>
        </thead>
        <tbody>
          {changes
            ? changes.map((change) => (
                <ChangeRow
                  key={change.row_id}
                  change={change}
                  syncId={syncId}
                  withResult={withResult === true}
                  columns={columns}
                  isOpen={open.has(change.row_id)}
                  toggle={() => toggle(change.row_id)}
                />
              ))
            : Array.from({ length: skeletonRows }, (_, n) => `grey${n}`).map((key) => (
                <tr key={key}>
                  <td colSpan={columns}>
                    <Skeleton height={10} />
                  </td>
                </tr>
              ))}
        </tbody>
      </table>
    </section>
  );
}

function ChangeRow(props: {
  change: Change;
  syncId: string;
  withResult: boolean;
  columns: number;
  isOpen: boolean;
  toggle: () => void;
}) {
  const { change, syncId, withResult, columns, isOpen, toggle } = props;
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <Fragment>
      <tr className={classes.row} onClick={toggle}>
        <td className={classes.opener}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-expanded={isOpen}
            aria-label={`Fields of ${change.row_id}`}
            onClick={(event) => {
              event.stopPropagation();
              toggle();
            }}
          >
            <Chevron size={16} />
          </ActionIcon>
        </td>
        <td className="mono">{change.row_id}</td>
        {withResult && (
          <td>
            <Operation of={change.operation} />
          </td>
        )}
        {withResult && (
          <td>
            <Result of={change.result} />
          </td>
        )}
        <td className={classes.fields}>{(withResult && change.message) || changedFields(change)}</td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={columns} className={classes.detail}>
            {change.message && (
              <Text size="sm" mb={8}>
                {change.field && <b>{change.field}: </b>}
                {sentence(change.message)} {change.code && <ErrorCode code={change.code} />}
              </Text>
            )}
            {change.fields.length > 0 ? (
              <RecordDiff fields={change.fields} operation={change.operation} />
            ) : (
              <Text size="sm" c="dimmed">
                No values: this sync does not keep them.
              </Text>
            )}
            <Group mt={8}>
              <Link
                to="/syncs/$syncId"
                params={{ syncId }}
                search={{ tab: 'records', key: change.row_id }}
                className="link"
              >
                The whole life of this record
              </Link>
            </Group>
          </td>
        </tr>
      )}
    </Fragment>
  );
}

/** Names of the fields that change, as many as are read at a glance. */
function changedFields(change: Change): string {
  const changed = change.fields.filter(
    (field) => JSON.stringify(field.before) !== JSON.stringify(field.after),
  );
  if (changed.length === 0) return change.fields.length > 0 ? 'none: sent again as it was' : '–';
  const names = changed.map((field) => field.field);
  return names.length > 6 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}
