import { Page } from '../../ui/page';

export function TriggerPage() {
  return (
    <Page title="Sync trigger" about="Run a sync now, and watch it.">
      {null}
    </Page>
  );
}
