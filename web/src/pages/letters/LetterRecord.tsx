import { SimpleGrid, Text, Title } from '@mantine/core';
import type { Letter } from '../../api/types';
import { RecordDiff } from '../../ui/diff';
import { plain } from '../../ui/format';
import { Panel } from '../../ui/page';
import { Ago } from '../../ui/time';
import classes from './letters.module.css';
import { fieldsOf } from './payload';

/** The source row, and what was made of it; beside it what a person wants to be sent instead. */
export function LetterRecord({ letter }: { letter: Letter }) {
  const source = fieldsOf(letter.source_row);
  const payload = fieldsOf(letter.payload);
  const edited = letter.edited && fieldsOf(letter.edited.payload);
  return (
    <>
      <Panel title="Record">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xl">
          <div>
            <Title order={3} mb={4}>
              Source row
            </Title>
            {source ? (
              <Values
                of={source}
                fault={letter.stage === 'ingest' || letter.stage === 'normalize' ? letter.field : null}
              />
            ) : (
              <Missing>The sync keeps no values of its source rows, or the row was never read.</Missing>
            )}
          </div>
          <div>
            <Title order={3} mb={4}>
              Payload
            </Title>
            {payload ? (
              <Values of={payload} fault={letter.field} />
            ) : (
              <Missing>
                None was captured: the record failed before there was one, or the sync keeps no values.
              </Missing>
            )}
          </div>
        </SimpleGrid>
      </Panel>
      {letter.edited && edited && (
        <Panel
          title="Edited payload"
          about={
            <>
              By {letter.edited.by}, <Ago at={letter.edited.at} />. A replay as edited sends it.
            </>
          }
        >
          <RecordDiff
            operation="update"
            fields={Object.keys({ ...payload, ...edited }).map((field) => ({
              field,
              before: payload?.[field] ?? null,
              after: edited[field] ?? null,
            }))}
          />
        </Panel>
      )}
    </>
  );
}

function Missing({ children }: { children: string }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}

function Values({ of, fault }: { of: Record<string, unknown>; fault: string | null | undefined }) {
  return (
    <table className={classes.values}>
      <tbody>
        {Object.entries(of).map(([field, value]) => (
          <tr key={field} className={field === fault ? classes.fault : undefined}>
            <th scope="row">{field}</th>
            <td>
              {value === null || value === undefined ? (
                <span className={classes.null}>null</span>
              ) : (
                plain(value)
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
