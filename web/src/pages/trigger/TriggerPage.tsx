import { Skeleton } from '@mantine/core';
import { useAll } from '../../api/all';
import type { Schemas } from '../../api/types';
import { Empty } from '../../ui/empty';
import { ButtonLink } from '../../ui/link';
import { LiveRunPanel } from '../../ui/liverun';
import { firstOf } from '../../ui/narrow';
import { Page, Panel } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { triggerRoute } from './route';
import { TriggerForm } from './TriggerForm';

export function TriggerPage() {
  const search = triggerRoute.useSearch();
  const navigate = triggerRoute.useNavigate();
  const instances = useAll('/api/v1/instances');
  const syncs = useAll(
    '/api/v1/syncs',
    { instance: search.instance },
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
        ) : instances.data.length === 0 ? (
          <Empty
            title="There is no sync to run yet"
            action={<ButtonLink to="/new-sync">New sync</ButtonLink>}
          >
            A sync says what is read, where it goes, and how its fields are mapped.
          </Empty>
        ) : (
          <TriggerForm
            instances={instances.data}
            syncs={syncs.data ?? []}
            instancesOf={firstOf(instances.cut, 'instance')}
            syncsOf={firstOf(syncs.cut, 'sync')}
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
