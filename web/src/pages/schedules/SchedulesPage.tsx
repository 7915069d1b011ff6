import { Page } from '../../ui/page';

export function SchedulesPage() {
  return (
    <Page title="Schedules" about="When syncs run by themselves.">
      {null}
    </Page>
  );
}
