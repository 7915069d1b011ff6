import { Page } from '../../ui/page';

export function SyncPage() {
  return (
    <Page title="Sync" about="">
      {null}
    </Page>
  );
}
