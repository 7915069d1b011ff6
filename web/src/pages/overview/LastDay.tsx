import { api } from '../../api/client';
import { Figure, Figures } from '../../ui/figure';
import { count, duration, percent } from '../../ui/format';
import { Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { RunsChart } from '../../ui/runs-chart';
import classes from './overview.module.css';

/** How the runs of the last 24 hours went; each figure leads to what it counts. */
export function LastDay() {
  const query = api.useQuery('get', '/api/v1/health', { params: { query: { window: '24h' } } });
  const health = query.data;
  if (query.error && !health)
    return (
      <Panel title="Last 24 hours">
        <ProblemNote error={query.error} retry={() => void query.refetch()} />
      </Panel>
    );
  const failed = health && health.failed + health.source_failures;
  const erring = health?.syncs_with_errors;
  return (
    <Panel title="Last 24 hours" pad={false}>
      <Figures>
        <Figure
          name="Runs"
          value={health && count(health.total_runs)}
          beside={failed === undefined ? ' ' : failed === 0 ? 'none failed' : `${count(failed)} failed`}
          to="/runs"
          search={{ since: '24h' }}
        />
        <Figure
          name="Success rate"
          value={health && (health.success_rate == null ? '–' : percent(health.success_rate))}
          beside="of runs that ended"
          to="/insights"
          search={{ window: '24h' }}
        />
        <Figure
          name="Average duration"
          value={
            health &&
            (health.average_duration_seconds == null ? '–' : duration(health.average_duration_seconds))
          }
          beside="per run"
          to="/insights"
          search={{ window: '24h' }}
        />
        <Figure
          name="Rows synced"
          value={health && count(health.rows_synced)}
          beside="created, updated, deleted"
          to="/insights"
          search={{ window: '24h' }}
        />
        <Figure
          name="Rows failed"
          value={health && count(health.rows_failed)}
          beside="of all runs"
          to="/dead-letters"
          search={{ state: 'open' }}
        />
        <Figure
          name="Syncs with errors"
          value={erring && count(erring.length)}
          beside={erring?.join(', ') || 'in their latest run'}
          to="/insights"
          search={{ window: '24h', only: 'errors' }}
        />
      </Figures>
      <div className={classes.charted}>
        <RunsChart health={health} height={112} />
      </div>
    </Panel>
  );
}
