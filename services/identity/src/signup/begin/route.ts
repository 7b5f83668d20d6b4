import { randomBytes } from 'node:crypto'
import { isEmailAddress, newId, timeOf, tokenHash } from '@loomworks/kernel'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { z } from 'zod'
import { askForRegistration } from '../../challenges.ts'
import { signup } from '../../errors.ts'
import { CompanionNameText, companionNameOf, DisplayName } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, creationOptions } from '../../passkeys.ts'
import { REGISTRATION_LIFE_MS, RegistrationId } from '../state.ts'

const SECRET_BYTES = 32
const USER_HANDLE_BYTES = 32
const BUSY_RETRY_S = 5
const DEFAULT_COMPANION_NAME = 'Companion'

const EmailAddress = z.string().trim().refine(isEmailAddress, { message: 'is not an address of at most 254 characters' })

export const beginSignupRoute = operation({
  post: '/auth/signup/begin',
  id: 'beginSignup',
  summary: 'Begin to sign up',
  authz: { actors: ['anonymous', 'person'], object: 'registration', relation: 'none', hide: false },
  limits: { rate: 'signup_begin' },
  body: z.strictObject({ email: EmailAddress, display_name: DisplayName, companion_name: CompanionNameText.optional() }),
  reply: z.object({ registration_id: RegistrationId, registration_secret: z.string(), expires_at: z.string(), options: CeremonyOptions }),
  refuses: [signup.closed, signup.busy, shared.companion_name_invalid, shared.invalid_body],

  /** Looks at nobody's address: a known and an unknown one take the same path. */
  async answer({ body }, { db, clock, settings, cookies, rp, sagas }: IdentityParts) {
    if ((await settings.read('signup.mode')) !== 'open') throw signup.closed()
    const companionName = body.companion_name === undefined ? DEFAULT_COMPANION_NAME : companionNameOf(body.companion_name)
    if (!sagas.mayStart()) throw signup.busy(undefined, BUSY_RETRY_S)
    const nowMs = clock.now()
    const secret = randomBytes(SECRET_BYTES).toString('base64url')
    const owner = { userHandle: randomBytes(USER_HANDLE_BYTES), email: body.email, displayName: body.display_name }
    const id = newId<'registration'>(nowMs)
    const expiresAt = timeOf(nowMs + REGISTRATION_LIFE_MS)
    const { challenge } = await db.transaction(async (tx) => {
      await exec(
        tx,
        sql`insert into identity.pending_registrations (id, secret_hash, state, email, display_name, companion_name, user_handle, created_at, updated_at, expires_at)
            values (${id}, ${tokenHash(secret)}, 'begun', ${owner.email}, ${owner.displayName}, ${companionName}, ${owner.userHandle}, ${timeOf(nowMs)},
                    ${timeOf(nowMs)}, ${expiresAt})`,
      )
      return askForRegistration(tx, id, nowMs)
    })
    const options = { ...(await creationOptions(rp, owner, challenge)) }
    return new Answered(200, { registration_id: id, registration_secret: secret, expires_at: expiresAt, options }, { cookies: [cookies.signup(secret)] })
  },
})
