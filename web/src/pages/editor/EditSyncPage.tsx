import { Page } from '../../ui/page';

export function EditSyncPage() {
  return (
    <Page title="New sync" about="">
      {null}
    </Page>
  );
}
