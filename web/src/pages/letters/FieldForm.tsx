import { ActionIcon, Checkbox, Group, SimpleGrid, Textarea, Tooltip } from '@mantine/core';
import { IconArrowBackUp } from '@tabler/icons-react';
import { type Fields, isSame, read, written } from './payload';

/** The fields of a payload, one input each. */
export function FieldForm(props: {
  before: Fields;
  draft: Fields;
  change: (draft: Fields) => void;
  /** What is wrong, by field. */
  faults: Record<string, string>;
  /** The field that the record failed at. */
  failed: string | null | undefined;
}) {
  const { before, draft, change, faults, failed } = props;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="sm">
      {Object.keys(draft).map((field) => {
        const value = draft[field];
        const isNull = value === null || value === undefined;
        const isChanged = !isSame(value, before[field]);
        const set = (to: unknown) => change({ ...draft, [field]: to });
        return (
          <Textarea
            key={field}
            label={field}
            description={field === failed ? 'The record failed at this field.' : undefined}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            error={faults[field]}
            autosize
            minRows={1}
            maxRows={6}
            value={written(value)}
            placeholder={isNull ? 'null' : undefined}
            onChange={(event) => set(read(event.currentTarget.value, before[field]))}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            rightSectionWidth={isChanged ? 92 : 66}
            rightSection={
              <Group gap={4} wrap="nowrap" pr={4}>
                {isChanged && (
                  <Tooltip label="As it was">
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      size="sm"
                      aria-label={`${field} as it was`}
                      onClick={() => set(before[field])}
                    >
                      <IconArrowBackUp size={14} />
                    </ActionIcon>
                  </Tooltip>
                )}
                <Checkbox
                  size="xs"
                  label="null"
                  aria-label={`${field} is null`}
                  checked={isNull}
                  onChange={(event) => set(event.currentTarget.checked ? null : '')}
                />
              </Group>
            }
          />
        );
      })}
    </SimpleGrid>
  );
}
