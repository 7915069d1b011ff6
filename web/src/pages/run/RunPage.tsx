import { Page } from '../../ui/page';

export function RunPage() {
  return (
    <Page title="Run" about="">
      {null}
    </Page>
  );
}
