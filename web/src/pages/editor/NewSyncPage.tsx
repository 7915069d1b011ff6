import { Page } from '../../ui/page';

export function NewSyncPage() {
  return (
    <Page title="New sync" about="">
      {null}
    </Page>
  );
}
