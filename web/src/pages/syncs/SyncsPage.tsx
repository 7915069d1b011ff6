import { Page } from '../../ui/page';

export function SyncsPage() {
  return (
    <Page title="Syncs" about="What is kept equal, and how it is doing.">
      {null}
    </Page>
  );
}
