import { Link } from '@tanstack/react-router';
import type { Letter } from '../../api/types';
import { CopyText, ShortId } from '../../ui/copy';
import { Panel } from '../../ui/page';
import { Ago } from '../../ui/time';
import classes from './letters.module.css';
import { stageWord } from './words';

/** Where a letter comes from. */
export function LetterFacts({ letter }: { letter: Letter }) {
  return (
    <Panel title="Facts">
      <dl className={classes.pairs}>
        <dt>Sync</dt>
        <dd>
          <Link className="link" to="/syncs/$syncId" params={{ syncId: letter.sync_id }}>
            {letter.sync_id}
          </Link>
        </dd>
        <dt>Key</dt>
        <dd>
          <CopyText value={letter.row_id} label="key" />
        </dd>
        <dt>Operation</dt>
        <dd>{letter.operation === 'none' ? 'none was planned' : letter.operation}</dd>
        <dt>Stage</dt>
        <dd>{stageWord(letter.stage)}</dd>
        <dt>Attempts</dt>
        <dd className="num">{letter.attempts}</dd>
        <dt>First seen</dt>
        <dd>
          <Ago at={letter.first_seen_at} />
        </dd>
        <dt>Last seen</dt>
        <dd>
          <Ago at={letter.last_seen_at} />
        </dd>
        <dt>Last run</dt>
        <dd>
          <Link className="link" to="/runs/$runId" params={{ runId: letter.run_id }}>
            <ShortId id={letter.run_id} />
          </Link>
        </dd>
        <dt>Correlation id</dt>
        <dd>
          <CopyText value={letter.correlation_id} label="correlation id" />
        </dd>
        <dt>Mapping version</dt>
        <dd className="mono">{letter.mapping_version}</dd>
        <dt>Letter</dt>
        <dd>
          <CopyText value={letter.id} label="letter id" />
        </dd>
      </dl>
    </Panel>
  );
}
