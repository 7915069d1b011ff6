import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { Allowed } from '../../ui/allowed';
import { Page } from '../../ui/page';
import { ChannelForm } from './ChannelForm';
import { Channels } from './Channels';
import { Deliveries } from './Deliveries';

export function NotificationsPage() {
  const [isMaking, setIsMaking] = useState(false);
  return (
    <Page
      title="Notifications"
      about="Who is told what happened. A state is told once, not with every run."
      actions={
        <Allowed role="admin">
          {(disabled) => (
            <Button
              leftSection={<IconPlus size={14} aria-hidden />}
              disabled={disabled}
              onClick={() => setIsMaking(true)}
            >
              New channel
            </Button>
          )}
        </Allowed>
      }
    >
      <Channels />
      <Deliveries />
      {isMaking && <ChannelForm close={() => setIsMaking(false)} />}
    </Page>
  );
}
