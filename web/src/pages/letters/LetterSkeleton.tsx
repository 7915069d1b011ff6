import { Grid, Skeleton, Stack } from '@mantine/core';

/** The page of a letter in grey, until the first answer. */
export function LetterSkeleton() {
  return (
    <Grid gap="md" aria-hidden>
      <Grid.Col span={{ base: 12, md: 8 }}>
        <Stack gap="md">
          <Skeleton height={150} />
          <Skeleton height={320} />
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 4 }}>
        <Skeleton height={320} />
      </Grid.Col>
    </Grid>
  );
}
