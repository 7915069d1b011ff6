import { Group, Text } from '@mantine/core';
import { IconAlertCircle, IconCircleCheck, IconCircleDashed } from '@tabler/icons-react';
import { counted } from '../../ui/format';

/** Whether anything is known to be wrong, or still to be filled in. */
export function SaveState({ errors, lacking }: { errors: number; lacking: string[] }) {
  const isWaiting = errors === 0 && lacking.length > 0;
  const Sign = errors > 0 ? IconAlertCircle : isWaiting ? IconCircleDashed : IconCircleCheck;
  const color =
    errors > 0 ? 'var(--state-failed)' : isWaiting ? 'var(--state-waiting)' : 'var(--state-completed)';
  return (
    <Group gap={6} wrap="nowrap" role="status">
      <Sign size={16} color={color} style={{ flex: 'none' }} aria-hidden />
      <Text size="sm">
        {errors > 0
          ? `${counted(errors, 'problem')} to solve`
          : isWaiting
            ? `Still to fill in: ${lacking.join(', ')}`
            : 'No problems found'}
      </Text>
    </Group>
  );
}
