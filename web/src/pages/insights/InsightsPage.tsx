import { Page } from '../../ui/page';

export function InsightsPage() {
  return (
    <Page title="Sync health" about="All runs of the workspace over time.">
      {null}
    </Page>
  );
}
