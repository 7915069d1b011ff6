import { Page } from '../../ui/page';

export function NotificationsPage() {
  return (
    <Page title="Notifications" about="Who is told what happened.">
      {null}
    </Page>
  );
}
