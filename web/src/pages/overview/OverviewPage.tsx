import { Page } from '../../ui/page';

export function OverviewPage() {
  return (
    <Page title="Overview" about="What needs you now, and how syncs are doing.">
      {null}
    </Page>
  );
}
