// The keys that identity signs with, Ed25519. Of each purpose the newest signs and the one before is published with it, so that nothing that
// was signed outlives its key. Instances that find the newest over its time make one new key, not two.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SigningKeyRotated } from '@loomworks/contracts'
import { actorFromService, type Clock, type Id, newId, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { type Database, type Db, exec, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { fact, stateFacts } from './facts.ts'
import type { Keyring } from './keyring.ts'
import { signingBinding } from './sealings.ts'
import type { KeyPurpose } from './vocabulary.ts'

const PUBLISHED = 2
const RELOAD_MS = 60_000

/** RFC 8037. */
export const PublicJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() })
const KeyRow = z.object({ kid: z.string(), public_jwk: PublicJwk, private_sealed: z.instanceof(Buffer), created_at: z.string() })
type KeyRow = z.output<typeof KeyRow>

export interface KeyPair {
  readonly kid: string
  readonly jwk: z.output<typeof PublicJwk>
  readonly createdMs: number
  readonly key: KeyObject
}

/** Newest first; the newest signs. */
export type PublishedKeys = readonly [KeyPair, ...KeyPair[]]

export interface KeyPairs {
  /** As they were within the last minute. */
  current(): Promise<PublishedKeys>
  /** Read anew: who asks may have met a key that another instance has just made. */
  fresh(): Promise<PublishedKeys>
}

interface Keys {
  readonly keyring: Keyring
  readonly clock: Clock
  readonly purpose: KeyPurpose
  /** Whether a key made then has signed for long enough. */
  isOver(createdMs: number, nowMs: number): boolean
}

export function keyPairsOn(db: Database, keys: Keys): KeyPairs {
  const { clock, isOver } = keys
  let held: { readonly at: number; readonly loaded: Promise<PublishedKeys> } | undefined
  const fresh = (): Promise<PublishedKeys> => {
    const loaded = db.transaction((tx) => load(tx, keys))
    held = { at: clock.now(), loaded }
    loaded.catch(() => {
      held = undefined
    })
    return loaded
  }
  return {
    fresh,
    async current() {
      if (held === undefined || clock.now() - held.at >= RELOAD_MS) return fresh()
      const loaded = await held.loaded
      return isOver(loaded[0].createdMs, clock.now()) ? fresh() : loaded
    },
  }
}

async function load(tx: Db, keys: Keys): Promise<PublishedKeys> {
  const nowMs = keys.clock.now()
  const [newest, ...rest] = await published(tx, keys.purpose)
  if (newest !== undefined && !keys.isOver(Date.parse(newest.created_at), nowMs)) return loadedOf([newest, ...rest], keys.keyring)
  await exec(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`signing_keys/${keys.purpose}`}, 0))`)
  const [since] = await published(tx, keys.purpose)
  if (since === undefined || since.kid === newest?.kid) {
    const kid = await makeKey(tx, keys, nowMs)
    // The first key of a deployment takes nobody's place.
    if (since !== undefined) await stateRotation(tx, kid, nowMs)
  }
  return loadedOf(await published(tx, keys.purpose), keys.keyring)
}

function published(db: Db, purpose: KeyPurpose): Promise<readonly KeyRow[]> {
  return many(
    db,
    KeyRow,
    sql`select kid, public_jwk, private_sealed, created_at
          from identity.signing_keys
         where purpose = ${purpose}
         order by created_at desc, kid
         limit ${PUBLISHED}`,
  )
}

async function stateRotation(tx: Db, kid: Id<'signing_key'>, nowMs: number): Promise<void> {
  const stating = { at: timeOf(nowMs), actor: actorFromService('identity'), correlationId: kid, causationId: kid, traceparent: childTrace() }
  await stateFacts(tx, kid, [fact(SigningKeyRotated, { kid })], stating)
}

async function makeKey(tx: Db, { keyring, purpose }: Keys, nowMs: number): Promise<Id<'signing_key'>> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const jwk = PublicJwk.parse(publicKey.export({ format: 'jwk' }))
  const kid = newId<'signing_key'>(nowMs)
  const sealed = keyring.seal('signing', privateKey.export({ format: 'der', type: 'pkcs8' }), signingBinding(kid))
  await exec(
    tx,
    sql`insert into identity.signing_keys (kid, purpose, public_jwk, private_sealed, created_at)
        values (${kid}, ${purpose}, ${JSON.stringify(jwk)}, ${sealed}, ${timeOf(nowMs)})`,
  )
  await exec(
    tx,
    sql`delete from identity.signing_keys
         where purpose = ${purpose}
           and kid not in (select kid from identity.signing_keys where purpose = ${purpose} order by created_at desc, kid limit ${PUBLISHED})`,
  )
  return kid
}

function loadedOf(rows: readonly KeyRow[], keyring: Keyring): PublishedKeys {
  const [newest, ...rest] = rows.map((row) => ({
    kid: row.kid,
    jwk: row.public_jwk,
    createdMs: Date.parse(row.created_at),
    key: createPrivateKey({ key: keyring.open('signing', row.private_sealed, signingBinding(row.kid)), format: 'der', type: 'pkcs8' }),
  }))
  if (newest === undefined) throw new Error('a signing key was made and is not there')
  return [newest, ...rest]
}
