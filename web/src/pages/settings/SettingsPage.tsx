import { Page } from '../../ui/page';

export function SettingsPage() {
  return (
    <Page title="Settings" about="This server, and how these pages look to you.">
      {null}
    </Page>
  );
}
