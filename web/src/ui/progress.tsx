import type { Figures } from './figures';
import { isOver, shareDone } from './figures';
import { count, percent } from './format';
import classes from './progress.module.css';

/** How far a run has come: what succeeded, what was skipped and what failed, of all records. */
export function ProgressBar({ figures, isPlan = false }: { figures: Figures; isPlan?: boolean }) {
  const share = shareDone(figures);
  const total = figures.total ?? 0;
  const width = (n: number) => `${total > 0 ? (100 * n) / total : 0}%`;
  const isMoving = figures.status === 'running' || figures.status === 'starting';
  const isUnknown = share === null && isMoving;
  const said = share === null ? 'how much is not known yet' : percent(share);
  return (
    <div
      className={classes.bar}
      role="progressbar"
      aria-label="Progress"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === null ? undefined : Math.round(share * 100)}
      aria-valuetext={
        isOver(figures.status)
          ? `${count(figures.success)} succeeded, ${count(figures.skipped)} skipped, ${count(figures.failed)} failed`
          : said
      }
    >
      {isUnknown ? (
        <span className={classes.unknown} />
      ) : (
        <>
          <span
            className={isPlan ? classes.planned : classes.success}
            style={{ width: width(figures.success) }}
          />
          <span className={classes.skipped} style={{ width: width(figures.skipped) }} />
          <span className={classes.failed} style={{ width: width(figures.failed) }} />
        </>
      )}
    </div>
  );
}
