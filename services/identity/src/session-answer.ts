import { Answered } from '@loomworks/service-kit'
import type { Cookies } from './cookies.ts'
import type { OpenedSession } from './sessions.ts'
import type { SessionDelivery } from './vocabulary.ts'

export interface SessionAnswer {
  readonly session: OpenedSession
  readonly delivery: SessionDelivery
  readonly body: Readonly<Record<string, unknown>>
  /** 200 where it is not said. */
  readonly status?: number
  /** More cookies to set, such as one that is cleared. */
  readonly cookies?: readonly string[]
}

/** An answer that hands over a session: as a cookie, or in the body for clients that keep tokens themselves. */
export function sessionAnswer(cookies: Cookies, { session, delivery, body, status = 200, cookies: more = [] }: SessionAnswer): Answered {
  const shown = {
    id: session.id,
    expires_at: session.absoluteExpiresAt,
    idle_expires_at: session.idleExpiresAt,
    ...(session.restricted && { restricted: session.restricted }),
  }
  return delivery === 'bearer'
    ? new Answered(status, { ...body, session: { ...shown, token: session.token } }, { cookies: more })
    : new Answered(status, { ...body, session: shown }, { cookies: [cookies.session(session.token), ...more] })
}
