import { Page } from '../../ui/page';

export function ConnectionsPage() {
  return (
    <Page title="Connections" about="The systems that are read and written.">
      {null}
    </Page>
  );
}
