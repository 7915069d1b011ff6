import { notifications } from '@mantine/notifications';
import { ApiError } from '../api/client';

/** Says that something was done, for a few seconds. */
export function tellDone(message: string) {
  notifications.show({ message, color: 'green', autoClose: 4_000 });
}

/** Says what could not be done and why, until it is closed. */
export function tellProblem(what: string, error: unknown) {
  const why =
    error instanceof ApiError
      ? [error.problem.detail, error.problem.help].filter(Boolean).join(' ')
      : String(error);
  notifications.show({ title: what, message: why, color: 'red', autoClose: false });
}
