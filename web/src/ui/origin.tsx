import { Alert, Button, Text, Tooltip } from '@mantine/core';
import { IconFileCode, IconLock, IconWorld } from '@tabler/icons-react';
import type { Schemas } from '../api/types';
import classes from './status.module.css';

type Origin = Schemas['OriginView'];

/** Where something is defined: a file of the project with its place, or made here. */
export function OriginMark({ origin }: { origin: Origin }) {
  const isFile = origin.kind === 'file';
  const Sign = isFile ? IconFileCode : IconWorld;
  return (
    <Tooltip
      label={isFile ? 'Defined in a file of the project: read-only here' : 'Made in the app or by the API'}
    >
      <span className={classes.mark}>
        <Sign size={16} color="var(--ink-soft)" aria-hidden />
        <span className={isFile ? 'mono' : undefined}>{isFile ? (origin.place ?? 'file') : 'app / API'}</span>
      </span>
    </Tooltip>
  );
}

/** Says that something is changed in its file, and how. */
export function FileNote({ what, origin }: { what: string; origin: Origin }) {
  if (origin.kind !== 'file') return null;
  return (
    <Alert icon={<IconLock />} color="gray" variant="outline" title={`This ${what} is defined in a file`}>
      <Text size="sm">
        It stands in <span className="mono">{origin.place}</span> and is changed there. The server reads the
        file again by itself when it is saved; <span className="mono">syncline validate</span> says whether it
        is right.
      </Text>
    </Alert>
  );
}

/** What is changed is what was read: its revision, for the header If-Match. */
export function ifMatch(origin: Origin): { 'If-Match'?: string } {
  return typeof origin.revision === 'number' ? { 'If-Match': `"${origin.revision}"` } : {};
}

/** Somebody else changed it since it was read: nothing is written over that. */
export function Conflict({ what }: { what: string }) {
  return (
    <Alert color="red" variant="outline" title={`This ${what} was changed meanwhile`} role="alert">
      <Text size="sm">
        Somebody saved another version while you were working on this one, so yours was not saved. Copy what
        you want to keep, load the new version, and make your change there.
      </Text>
      <Button variant="default" mt="xs" onClick={() => window.location.reload()}>
        Load the new version
      </Button>
    </Alert>
  );
}
