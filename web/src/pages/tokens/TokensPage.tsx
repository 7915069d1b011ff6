import { Page } from '../../ui/page';

export function TokensPage() {
  return (
    <Page title="API tokens" about="Who may do what through the API and these pages.">
      {null}
    </Page>
  );
}
