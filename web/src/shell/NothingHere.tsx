import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty } from '../ui/empty';
import { Page } from '../ui/page';

export function NothingHere() {
  return (
    <Page title="Nothing here">
      <div className="panel">
        <Empty
          title="There is no page at this address"
          action={
            <Button component={Link} to="/">
              To the overview
            </Button>
          }
        >
          It may have been moved or mistyped. The search (Ctrl K) finds syncs, runs and pages.
        </Empty>
      </div>
    </Page>
  );
}
