// Codes that prove an address. Whoever asks for one is told the same whether the address is known or not: to an address that somebody else has goes a
// letter that says so in place of a code. A code is used once, by one statement; five wrong ones end it.
import { randomInt } from 'node:crypto'
import { emailHashes, emailLookup, hmac256, type Id, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { exec, maybe, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import type { IdentityParts } from './parts.ts'
import { countTry, type Throttle, waitS } from './throttles.ts'

export const EMAIL_CODE_LIFE_MS = 900_000
export const EMAIL_CODES_WRONG_MAX = 5
const CODE_DIGITS = 6
/** Letters to one address in an hour, whoever asks for them. */
const LETTERS_MAX = 5
const LETTERS_WINDOW_MS = 3_600_000

export const EmailCode = z.string().regex(/^[0-9]{6}$/)

export type CodeOwner = { readonly personId: PersonId } | { readonly registrationId: Id<'registration'> }

const KnownRow = z.object({ known: z.boolean() })

/** Mails a code to an address, in place of the owner's code before. Refuses `mail.not_configured`, and 429 `rate_limited` beyond five letters an hour. */
export async function mailCode(tx: Tx, parts: IdentityParts, owner: CodeOwner, email: string): Promise<void> {
  const { pepper, clock, mail } = parts
  mail.require()
  const nowMs = clock.now()
  await requireLetter(tx, { kind: 'email_code', keyHash: emailHashes(pepper, email).emailHash, most: LETTERS_MAX, windowMs: LETTERS_WINDOW_MS }, nowMs)
  const id = newId<'email_code'>(nowMs)
  const code = String(randomInt(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, '0')
  await stored(tx, { id, owner, email, digest: digestOf(pepper, id, code), nowMs })
  const personId = 'personId' in owner ? owner.personId : null
  const { known } = await one(
    tx,
    KnownRow,
    sql`select exists (select
                         from identity.persons
                        where email_lookup = ${emailLookup(email)} and state not in ('pending', 'erased') and id is distinct from ${personId}) as known`,
  )
  const letter = { key: `email_code/${id}`, to: email }
  await (known
    ? mail.send(tx, { ...letter, template: personId === null ? 'address_known' : 'address_wanted', data: {} })
    : mail.send(tx, { ...letter, template: 'email_code', data: { code, minutes: EMAIL_CODE_LIFE_MS / 60_000 } }))
}

async function requireLetter(tx: Tx, throttle: Throttle, nowMs: number): Promise<void> {
  if (await countTry(tx, throttle, nowMs)) return
  throw shared.rate_limited(undefined, await waitS(tx, throttle, nowMs))
}

interface Storing {
  readonly id: string
  readonly owner: CodeOwner
  readonly email: string
  readonly digest: string
  readonly nowMs: number
}

async function stored(tx: Tx, { id, owner, email, digest, nowMs }: Storing): Promise<void> {
  const personId = 'personId' in owner ? owner.personId : null
  const registrationId = 'registrationId' in owner ? owner.registrationId : null
  await exec(tx, sql`delete from identity.email_codes where person_id = ${personId} or registration_id = ${registrationId}`)
  await exec(
    tx,
    sql`insert into identity.email_codes (id, purpose, person_id, registration_id, email, email_lookup, digest, expires_at)
        values (${id}, ${personId === null ? 'signup' : 'change'}, ${personId}, ${registrationId}, ${email}, ${emailLookup(email)}, ${digest},
                ${timeOf(nowMs + EMAIL_CODE_LIFE_MS)})`,
  )
}

function digestOf(pepper: Uint8Array, id: string, code: string): string {
  return hmac256(pepper, `email_code/${id}/${code}`)
}

const OpenRow = z.object({ id: z.string(), wrong: z.int() })
const UsedRow = z.object({ email: z.string(), email_lookup: z.string() })
export type Proven = z.output<typeof UsedRow>

/** The address that a code proves; the code is gone then. A number: it was wrong, and so many tries are left. */
export async function useCode(tx: Tx, { pepper, clock }: IdentityParts, owner: CodeOwner, code: string): Promise<Proven | number> {
  const whose = 'personId' in owner ? sql`person_id = ${owner.personId}` : sql`registration_id = ${owner.registrationId}`
  const open = await maybe(
    tx,
    OpenRow,
    sql`select id, wrong from identity.email_codes where ${whose} and expires_at > ${timeOf(clock.now())} and wrong < ${EMAIL_CODES_WRONG_MAX} for update`,
  )
  if (open === undefined) return 0
  const used = await maybe(
    tx,
    UsedRow,
    sql`delete from identity.email_codes where id = ${open.id} and digest = ${digestOf(pepper, open.id, code)} returning email, email_lookup`,
  )
  if (used !== undefined) return used
  await exec(tx, sql`update identity.email_codes set wrong = wrong + 1 where id = ${open.id}`)
  return EMAIL_CODES_WRONG_MAX - open.wrong - 1
}

/** Forgets codes past their time. */
export function sweepEmailCodes(db: Parameters<typeof exec>[0], nowMs: number): Promise<number> {
  return exec(db, sql`delete from identity.email_codes where expires_at < ${timeOf(nowMs)}`)
}
