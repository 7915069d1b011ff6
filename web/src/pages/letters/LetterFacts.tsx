import { Link } from '@tanstack/react-router';
import type { Letter } from '../../api/types';
import { CopyText, ShortId } from '../../ui/copy';
import { Facts } from '../../ui/facts';
import { Panel } from '../../ui/page';
import { Ago } from '../../ui/time';
import { stageWord } from './words';

/** Where a letter comes from. */
export function LetterFacts({ letter }: { letter: Letter }) {
  return (
    <Panel title="Facts">
      <Facts
        of={{
          Sync: (
            <Link className="link" to="/syncs/$syncId" params={{ syncId: letter.sync_id }}>
              {letter.sync_id}
            </Link>
          ),
          Key: <CopyText value={letter.row_id} label="key" />,
          Operation: letter.operation === 'none' ? 'none was planned' : letter.operation,
          Stage: stageWord(letter.stage),
          'Ignored because': letter.ignored_because && (
            <span style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{letter.ignored_because}</span>
          ),
          Attempts: <span className="num">{letter.attempts}</span>,
          'First seen': <Ago at={letter.first_seen_at} />,
          'Last seen': <Ago at={letter.last_seen_at} />,
          'Last run': (
            <Link className="link" to="/runs/$runId" params={{ runId: letter.run_id }}>
              <ShortId id={letter.run_id} />
            </Link>
          ),
          'Correlation id': <CopyText value={letter.correlation_id} label="correlation id" />,
          'Mapping version': <span className="mono">{letter.mapping_version}</span>,
          Letter: <CopyText value={letter.id} label="letter id" />,
        }}
      />
    </Panel>
  );
}
