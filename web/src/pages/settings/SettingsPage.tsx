import { SimpleGrid, Stack } from '@mantine/core';
import { ShortcutList } from '../../shell/ShortcutList';
import { Page, Panel } from '../../ui/page';
import { Appearance } from './Appearance';
import { Kept } from './Kept';
import { Keys } from './Keys';
import { Links } from './Links';
import { ProjectFiles } from './ProjectFiles';
import { ServerFacts } from './ServerFacts';
import { Who } from './Who';

export function SettingsPage() {
  return (
    <Page title="Settings" about="This server, and how these pages look to you.">
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Stack gap="md">
          <ServerFacts />
          <ProjectFiles />
          <Kept />
          <Keys />
        </Stack>
        <Stack gap="md">
          <Who />
          <Appearance />
          <Panel title="Keyboard">
            <ShortcutList />
          </Panel>
          <Links />
        </Stack>
      </SimpleGrid>
    </Page>
  );
}
