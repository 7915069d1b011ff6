import { Page } from '../../ui/page';

export function LettersPage() {
  return (
    <Page title="Dead letter queue" about="Records that could not be delivered, until they are.">
      {null}
    </Page>
  );
}
