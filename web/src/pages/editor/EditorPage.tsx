import { Page } from '../../ui/page';

export function EditorPage() {
  return (
    <Page title="New sync" about="">
      {null}
    </Page>
  );
}
