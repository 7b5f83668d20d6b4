import { Link } from 'react-router'
import { Copy } from '../../parts/copy.tsx'
import rows from '../../parts/rows.module.css'
import { SagaMark } from '../../parts/saga-mark.tsx'
import { Time } from '../../parts/time.tsx'
import type { Line } from './following.ts'
import styles from './page.module.css'
import type { Saga } from './words.ts'

const LINES: Readonly<Record<Line, readonly [sign: string, word: string]>> = {
  live: ['●', 'Live'],
  reconnecting: ['◐', 'Reconnecting'],
  offline: ['▲', 'Offline'],
}

/** What it is, how it stands, since when; and every id it has, each one click from what else belongs to it. */
export function Head({ saga, line }: { readonly saga: Saga; readonly line: Line | undefined }) {
  const { id, state, overlays, code, http_status, started_at, updated_at, next_due_at, deadline_at, stalled, trace_id, correlation_id, ids } = saga
  const others = Object.entries({ ...ids, correlation: correlation_id }).filter(([, value]) => value !== id)
  return (
    <section className={styles.head} aria-label="How it stands">
      <p className={styles.marks} role="status">
        <SagaMark state={state} />
        {overlays.map((each) => (
          <SagaMark key={each} state={each} />
        ))}
        {line === undefined ? null : (
          <span className={styles.line}>
            <span aria-hidden="true">{LINES[line][0]}</span> {LINES[line][1]}
          </span>
        )}
      </p>
      {stalled === undefined ? null : (
        <p>
          It waits for an operator{stalled.step === undefined ? '' : ` at the ${stalled.where} of ${stalled.step}`}: <code>{stalled.code}</code>
        </p>
      )}
      {code === undefined ? null : (
        <p>
          Because of <code>{code}</code>
          {http_status === undefined ? '' : ` (${http_status})`}
        </p>
      )}
      <p className={styles.soft}>
        Began <Time at={started_at} />, changed <Time at={updated_at} />
        {next_due_at === undefined ? null : (
          <>
            , goes on <Time at={next_due_at} />
          </>
        )}
        {deadline_at === undefined ? null : (
          <>
            , to be done <Time at={deadline_at} />
          </>
        )}
      </p>
      <dl className={styles.ids}>
        <div>
          <dt>Saga</dt>
          <dd>
            <code>{id}</code>
          </dd>
        </div>
        {[...others, ['trace', trace_id] as const].map(([name, value]) => (
          <div key={name}>
            <dt>{nameOf(name)}</dt>
            <dd>
              <Link to="/console/operations/sagas" state={{ find: value, isPerson: name === 'personId' }} title="Find what else belongs to it">
                <code>{value}</code>
              </Link>
            </dd>
          </div>
        ))}
      </dl>
      <details className={styles.all}>
        <summary>All that is known of it</summary>
        <pre className={styles.raw}>{JSON.stringify(saga, null, 2)}</pre>
      </details>
      <div className={rows.acts}>
        <Copy text={`npx loom saga show ${id}`} label="Copy as a command" />
        <Copy text={JSON.stringify(saga, null, 2)} label="Copy as JSON" />
      </div>
    </section>
  )
}

/** `personId` → `Person`. */
function nameOf(name: string): string {
  const words = name.replace(/Id$/, '').replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}
