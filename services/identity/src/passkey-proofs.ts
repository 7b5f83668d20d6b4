// A passkey as a fresh proof: that a session is still its person's, or that a person wants one exact operation.
import { type Caller, equalSecrets, idOf, type PersonId, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { consumeForPerson } from './challenges.ts'
import { countUp, setAside } from './clones.ts'
import { login, credential as refusals } from './errors.ts'
import { statingFor } from './facts.ts'
import { ofPerson, tellThrottled } from './guessing.ts'
import { heldState } from './held-person.ts'
import type { IdentityParts } from './parts.ts'
import { type Assertion, type AuthenticationCredential, provenAssertion } from './passkeys.ts'
import type { SessionId } from './sessions.ts'
import { forgetTries, takeTry } from './throttles.ts'
import { CredentialState } from './vocabulary.ts'

export interface PasskeyShown {
  readonly personId: PersonId
  /** What it was asked for, and of which session where that is the question. */
  readonly purpose: 'step_up' | 'operation'
  readonly sessionId?: SessionId
  readonly challengeId: string
  readonly credential: AuthenticationCredential
  readonly caller: Caller
}

/** Moves the counter on and does what the passkey was shown for, both or neither, for who is active. Refuses as a login does; `rate_limited` who goes on
 *  showing what does not hold. */
export async function provenByPasskey<T>(parts: IdentityParts, shown: PasskeyShown, work: (tx: Tx, proven: ProvenPasskey) => Promise<T>): Promise<T> {
  const { db, clock, relay } = parts
  const { personId, caller } = shown
  const throttle = ofPerson('step_up', personId)
  const taken = await takeTry(db, throttle, clock.now())
  if (!taken.admitted) throw shared.rate_limited(undefined, taken.waitS)
  const proven = await judged(parts, shown).catch(async (error: unknown) => {
    if (taken.waits) await tellThrottled(parts, { kind: 'step_up', personId, caller })
    throw error
  })
  const stating = statingFor(caller, timeOf(clock.now()))
  const done = await db
    .transaction(async (tx) => {
      if ((await heldState(tx, personId)) !== 'active') throw login.refused()
      return (await countUp(tx, proven, proven, stating.at)) ? { value: await work(tx, proven) } : undefined
    })
    .catch(async (error: unknown) => {
      // The passkey was right: who is told that what they signed cannot be has not guessed.
      await forgetTries(db, throttle)
      throw error
    })
  if (done === undefined) {
    await setAside(db, proven, stating)
    relay.wake()
    throw refusals.clone_suspected()
  }
  await forgetTries(db, throttle)
  return done.value
}

const Own = z.object({
  id: idOf<'credential'>(),
  public_key: z.instanceof(Buffer),
  user_handle: z.instanceof(Buffer),
  backup_eligible: z.boolean(),
  state: CredentialState,
})

export interface ProvenPasskey extends Assertion {
  readonly publicKey: Buffer
  readonly challenge: string
  readonly credentialRef: z.output<typeof Own>['id']
  readonly personId: PersonId
}

/** The challenge is used up whatever comes of it. */
async function judged({ db, clock, rp }: IdentityParts, { personId, purpose, sessionId, challengeId, credential }: PasskeyShown): Promise<ProvenPasskey> {
  const consumed = await consumeForPerson(db, challengeId, { purpose, personId, sessionId }, clock.now())
  if (consumed.taken !== 'whole') throw consumed.taken === 'expired' ? login.challenge_expired() : login.refused()
  const own = await ownPasskey(db, personId, credential.id)
  if (own === undefined || !namesOwner(own, credential.response.userHandle)) throw login.refused()
  const assertion = await provenAssertion(rp, consumed.challenge, credential, own.public_key)
  if (assertion === undefined || assertion.backupEligible !== own.backup_eligible) throw login.refused()
  if (own.state === 'suspect') throw refusals.clone_suspected()
  return { ...assertion, credentialRef: own.id, personId, publicKey: own.public_key, challenge: consumed.challenge }
}

function ownPasskey(db: Db, personId: PersonId, credentialId: string): Promise<z.output<typeof Own> | undefined> {
  return maybe(
    db,
    Own,
    sql`select c.id, c.public_key, p.user_handle, c.backup_eligible, c.state
          from identity.webauthn_credentials c
          join identity.persons p on p.id = c.person_id
         where c.person_id = ${personId} and c.credential_id = ${Buffer.from(credentialId, 'base64url')} and c.state <> 'removed'`,
  )
}

/** An authenticator that was told which passkeys to look for may leave the owner out (WebAuthn §6.3.3). */
function namesOwner({ user_handle }: z.output<typeof Own>, named: string | null | undefined): boolean {
  return named === undefined || named === null || equalSecrets(user_handle.toString('base64url'), named)
}
