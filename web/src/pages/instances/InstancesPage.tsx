import { Page } from '../../ui/page';

export function InstancesPage() {
  return (
    <Page title="Instances" about="Groups of syncs between two systems.">
      {null}
    </Page>
  );
}
