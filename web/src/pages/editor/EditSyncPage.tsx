import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError, api } from '../../api/client';
import { useMay } from '../../api/session';
import type { Schemas } from '../../api/types';
import { Allowed } from '../../ui/allowed';
import { Conflict, FileNote, ifMatch, OriginMark } from '../../ui/origin';
import { Page } from '../../ui/page';
import { ProblemNote } from '../../ui/problem';
import { tellDone } from '../../ui/tell';
import { write } from '../../ui/yaml';
import { useAfterSave } from './afterSave';
import { Editor } from './Editor';
import classes from './editor.module.css';
import { editSyncRoute } from './route';
import { SaveState } from './SaveState';
import { Unsaved } from './Unsaved';
import { useDefinition } from './useDefinition';

export function EditSyncPage() {
  const { syncId } = editSyncRoute.useParams();
  const found = api.useQuery('get', '/api/v1/syncs/{sync_id}/definition', {
    params: { path: { sync_id: syncId } },
  });
  const name = found.data?.instance ?? '';
  const instance = api.useQuery(
    'get',
    '/api/v1/instances/{name}',
    { params: { path: { name } } },
    { enabled: name !== '' },
  );
  const error = found.error ?? instance.error;
  return (
    <Page
      title={`Change ${syncId}`}
      about={found.data && <OriginMark origin={found.data.origin} />}
      crumbs={[
        { label: 'Syncs', to: '/syncs' },
        { label: syncId, to: '/syncs/$syncId', params: { syncId } },
      ]}
    >
      {found.data && instance.data ? (
        <EditSync view={found.data} instance={instance.data} />
      ) : error ? (
        <ProblemNote error={error} retry={() => void found.refetch()} />
      ) : (
        <Skeleton height={400} />
      )}
    </Page>
  );
}

function EditSync(props: { view: Schemas['DefinitionView']; instance: Schemas['InstanceView'] }) {
  // What the change is based on stays, also when somebody else saves another version meanwhile.
  const [view] = useState(props.view);
  const { sync_id, origin } = view;
  const [wasTried, setWasTried] = useState(false);
  const [isFollowing, setIsFollowing] = useState(false);
  const definition = useDefinition(write(view.definition));
  const afterSave = useAfterSave();
  const save = api.useMutation('put', '/api/v1/syncs/{sync_id}');
  const isFile = origin.kind === 'file';
  const mayChange = useMay('admin');
  const isConflict = save.error instanceof ApiError && save.error.problem.status === 412;
  const isOutdated = props.view.origin.revision !== origin.revision && !isFollowing;
  async function keep() {
    setWasTried(true);
    if (definition.isLocked) return;
    setIsFollowing(true);
    try {
      await save.mutateAsync({
        params: { path: { sync_id }, header: ifMatch(origin) },
        body: { definition: definition.value },
      });
      definition.markSaved();
      tellDone(`The sync ${sync_id} is saved.`);
      await afterSave(sync_id, false);
    } catch {
      // What is wrong is shown at the fields.
    } finally {
      setIsFollowing(false);
    }
  }
  return (
    <Stack gap="md">
      <Unsaved isChanged={definition.isChanged} />
      <FileNote what="sync" origin={origin} />
      {(isConflict || isOutdated) && <Conflict what="sync" />}
      <Editor
        instance={props.instance}
        entity={view.entity}
        definition={definition}
        isNew={false}
        isReadOnly={isFile || !mayChange}
        wasTried={wasTried}
        error={isConflict ? undefined : save.error}
        bar={(state) =>
          !isFile && (
            <Group className={classes.bar} justify="space-between">
              <SaveState {...state} />
              <Group gap="xs">
                <Button
                  variant="default"
                  component={Link}
                  to="/syncs/$syncId"
                  params={{ syncId: sync_id } as never}
                >
                  Cancel
                </Button>
                <Allowed role="admin">
                  {(disabled) => (
                    <Button disabled={disabled} loading={isFollowing} onClick={() => void keep()}>
                      Save
                    </Button>
                  )}
                </Allowed>
              </Group>
            </Group>
          )
        }
      />
    </Stack>
  );
}
