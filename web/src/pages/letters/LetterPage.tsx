import { Page } from '../../ui/page';

export function LetterPage() {
  return (
    <Page title="Dead letter" about="Records that could not be delivered, until they are.">
      {null}
    </Page>
  );
}
