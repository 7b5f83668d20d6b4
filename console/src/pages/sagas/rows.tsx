import type { Item } from '@loomworks/client'
import { Link } from 'react-router'
import listing from '../../parts/listing.module.css'
import { SagaMark } from '../../parts/saga-mark.tsx'
import { Time } from '../../parts/time.tsx'
import { tookOf } from '../../parts/took.ts'

export function Rows({ items, label }: { readonly items: readonly Item<'listSagas'>[]; readonly label: string }) {
  return (
    <ol className={listing.rows} aria-label={label}>
      {items.map(({ id, definition, version, state, overlays, step, attempts, error_class, code, started_at, duration_ms }) => (
        <li key={id} className={listing.row}>
          <p className={listing.name}>
            <Link to={`/console/operations/sagas/${id}`}>
              {definition} <code>{id}</code>
            </Link>
          </p>
          <p className={listing.marks}>
            <SagaMark state={state} />
            {overlays.map((each) => (
              <SagaMark key={each} state={each} />
            ))}
          </p>
          <p className={listing.soft}>
            version {version}, began <Time at={started_at} />, {tookOf(duration_ms)}
            {step === null ? '' : ` · at ${step}`}
            {attempts > 1 ? `, attempt ${attempts}` : ''}
            {(code ?? error_class) === null ? null : (
              <>
                {' · '}
                <code>{code ?? error_class}</code>
              </>
            )}
          </p>
        </li>
      ))}
    </ol>
  )
}
