import { Page } from '../../ui/page';

export function InstancePage() {
  return (
    <Page title="Instance" about="Groups of syncs between two systems.">
      {null}
    </Page>
  );
}
