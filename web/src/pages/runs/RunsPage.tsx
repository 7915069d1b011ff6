import { Page } from '../../ui/page';

export function RunsPage() {
  return (
    <Page title="Run history" about="Every run of every sync.">
      {null}
    </Page>
  );
}
