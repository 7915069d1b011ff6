import { ActionIcon, Button, Group, Menu, Tooltip } from '@mantine/core';
import { IconDots, IconDownload, IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { useMay } from '../../api/session';
import { Allowed } from '../../ui/allowed';
import { DECISIONS, DecideModal, type Decision } from './DecideModal';
import { ReplayModal } from './ReplayModal';
import { exportOf, type Scope } from './scope';
import type { Mode } from './words';

/** What can be done to letters: to one, to chosen ones, to all that the filters show. */
export function LetterActions(props: {
  scope: Scope;
  /** These are all that are shown, and can be exported. */
  exported?: Scope;
  all?: boolean;
  /** How the letters are sent unless somebody chooses otherwise. */
  as?: Mode;
  /** There is something to do; what is open already stays so in any case. */
  isShown?: boolean;
  done?: () => void;
}) {
  const { scope, exported, all, as, isShown = true, done } = props;
  const [isReplaying, setIsReplaying] = useState(false);
  const [decision, setDecision] = useState<Decision>();
  const mayDecide = useMay('operator');
  const match = exported && 'match' in exported ? exported.match : undefined;
  return (
    <Group gap="xs" wrap="nowrap">
      {isShown && (
        <>
          {match && (
            <Menu position="bottom-end" shadow="md">
              <Menu.Target>
                <Button variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
                  Export
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item component="a" href={exportOf(match, 'csv')} download>
                  CSV, for a spreadsheet
                </Menu.Item>
                <Menu.Item component="a" href={exportOf(match, 'jsonl')} download>
                  JSON Lines, with everything
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
          <Allowed role="operator">
            {(disabled) => (
              <Button
                disabled={disabled}
                leftSection={<IconPlayerPlay size={14} aria-hidden />}
                onClick={() => setIsReplaying(true)}
              >
                {all ? 'Replay all…' : 'Replay…'}
              </Button>
            )}
          </Allowed>
          <Menu position="bottom-end" shadow="md" disabled={!mayDecide}>
            <Menu.Target>
              <Tooltip label={mayDecide ? 'More' : 'This needs the role operator.'}>
                <ActionIcon variant="default" size={30} aria-label="More" disabled={!mayDecide}>
                  <IconDots size={16} />
                </ActionIcon>
              </Tooltip>
            </Menu.Target>
            <Menu.Dropdown>
              {(Object.keys(DECISIONS) as Decision[]).map((name) => (
                <Menu.Item key={name} onClick={() => setDecision(name)}>
                  {DECISIONS[name].word}…
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </>
      )}
      {isReplaying && (
        <ReplayModal scope={scope} as={as} close={() => setIsReplaying(false)} started={done} />
      )}
      {decision && (
        <DecideModal scope={scope} decision={decision} close={() => setDecision(undefined)} done={done} />
      )}
    </Group>
  );
}
