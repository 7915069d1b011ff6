import { Page } from '../../ui/page';

export function ConnectionPage() {
  return (
    <Page title="Connection" about="The systems that are read and written.">
      {null}
    </Page>
  );
}
