import { Page } from '../../ui/page';

export function AuditPage() {
  return (
    <Page title="Audit log" about="Who changed what, and when.">
      {null}
    </Page>
  );
}
