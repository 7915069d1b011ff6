import { Skeleton } from '@mantine/core';
import { api } from '../../api/client';
import type { Schemas } from '../../api/types';
import { Empty } from '../../ui/empty';
import { ButtonLink } from '../../ui/link';
import { LiveRunPanel } from '../../ui/liverun';
import { Page, Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { triggerRoute } from './route';
import { TriggerForm } from './TriggerForm';

/** The most that a list answers at once. */
const PER_PAGE = 200;

export function TriggerPage() {
  const search = triggerRoute.useSearch();
  const navigate = triggerRoute.useNavigate();
  const instances = api.useQuery('get', '/api/v1/instances', { params: { query: { per_page: PER_PAGE } } });
  const syncs = api.useQuery(
    'get',
    '/api/v1/syncs',
    { params: { query: { instance: search.instance, per_page: PER_PAGE } } },
    { enabled: search.instance !== undefined },
  );
  const error = instances.error ?? syncs.error;

  function triggered(run: Schemas['TriggeredRun']) {
    void navigate({
      search: (old) => ({ ...old, run: run.id, joined: run.joined || undefined }),
      resetScroll: false,
    });
  }

  return (
    <Page
      title="Sync trigger"
      about="Run a sync now: to try a mapping, to recover after a gap, or for a few records."
    >
      <Panel>
        {error ? (
          <ProblemNote error={error} retry={() => void Promise.all([instances.refetch(), syncs.refetch()])} />
        ) : !instances.data ? (
          <Skeleton height={420} />
        ) : instances.data.data.length === 0 ? (
          <Empty
            title="There is no sync to run yet"
            action={<ButtonLink to="/new-sync">New sync</ButtonLink>}
          >
            A sync says what is read, where it goes, and how its fields are mapped.
          </Empty>
        ) : (
          <TriggerForm
            instances={instances.data.data}
            syncs={syncs.data?.data ?? []}
            instance={search.instance}
            entity={search.entity}
            type={search.type ?? 'sync'}
            choose={(chosen) =>
              void navigate({
                search: (old) => ({ ...old, ...chosen, entity: chosen.entity }),
                replace: true,
              })
            }
            triggered={triggered}
          />
        )}
      </Panel>
      {search.run && <LiveRunPanel key={search.run} runId={search.run} joined={search.joined} />}
    </Page>
  );
}
