// The internal tokens of the deployment and the keys they are signed with. Identity is the only signer; a key signs for 30 days
// and is published for 30 more, so that a token never outlives its key.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SigningKeyRotated } from '@loomworks/contracts'
import { actorFromService, type Clock, type Id, newId, timeOf } from '@loomworks/kernel'
import { childTrace, ITK_ISSUER, ITK_LIFE_S, ITK_TYPE, type Itk } from '@loomworks/service-kit'
import { type Database, type Db, exec, many, sql } from '@loomworks/sql'
import { type JSONWebKeySet, SignJWT } from 'jose'
import { z } from 'zod'
import { fact, stateFacts } from './facts.ts'
import type { Keyring } from './keyring.ts'
import { signingBinding } from './sealings.ts'

const ROTATION_MS = 30 * 86_400_000
const PUBLISHED = 2
const RELOAD_MS = 60_000
const LOCK = 7_430_001

const PublicJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() })
const KeyRow = z.object({ kid: z.string(), public_jwk: PublicJwk, private_sealed: z.instanceof(Buffer), created_at: z.string() })
type KeyRow = z.output<typeof KeyRow>

export type Claims = Omit<Itk, 'iss' | 'iat' | 'exp' | 'jti'>
export interface Minted {
  readonly token: string
  /** RFC 3339. */
  readonly expiresAt: string
}

export interface Signing {
  /** Signs a token of 60 s, or of less where it must end by then. */
  mint(claims: Claims, endsAtMs?: number): Promise<Minted>
  /** The two newest public keys. */
  keys(): Promise<JSONWebKeySet>
  /** Makes a key where the newest is 30 days old; drops what is no longer published. */
  rotate(): Promise<void>
}

interface Loaded {
  readonly rows: readonly KeyRow[]
  readonly kid: string
  readonly key: KeyObject
}

export function signingOn(db: Database, keyring: Keyring, clock: Clock): Signing {
  let held: { readonly at: number; readonly loaded: Promise<Loaded> } | undefined
  const fresh = (): Promise<Loaded> => {
    const loaded = db.transaction((tx) => load(tx, keyring, clock.now()))
    held = { at: clock.now(), loaded }
    loaded.catch(() => {
      held = undefined
    })
    return loaded
  }
  const current = () => (held !== undefined && clock.now() - held.at < RELOAD_MS ? held.loaded : fresh())
  return {
    mint: async (claims, endsAtMs = Number.POSITIVE_INFINITY) => minted(await current(), claims, { nowMs: clock.now(), endsAtMs }),
    // Read anew each time: who asks may have met a key that another instance has just made.
    keys: async () => ({ keys: (await fresh()).rows.map(({ kid, public_jwk }) => ({ ...public_jwk, kid, alg: 'EdDSA', use: 'sig' })) }),
    rotate: async () => void (await fresh()),
  }
}

interface Span {
  readonly nowMs: number
  readonly endsAtMs: number
}

async function minted({ kid, key }: Loaded, claims: Claims, { nowMs, endsAtMs }: Span): Promise<Minted> {
  const iat = Math.floor(nowMs / 1000)
  const exp = Math.min(iat + ITK_LIFE_S, Math.ceil(endsAtMs / 1000))
  const token = await new SignJWT({ ...claims, iss: ITK_ISSUER, iat, exp, jti: newId() }).setProtectedHeader({ alg: 'EdDSA', typ: ITK_TYPE, kid }).sign(key)
  return { token, expiresAt: timeOf(exp * 1000) }
}

/** The published keys, newest first; the newest signs. Two instances that find an old key make one new key, not two. */
async function load(tx: Db, keyring: Keyring, nowMs: number): Promise<Loaded> {
  const rows = await published(tx)
  const [newest] = rows
  if (newest !== undefined && nowMs - Date.parse(newest.created_at) < ROTATION_MS) return loadedOf(rows, newest, keyring)
  await tx.query(sql`select pg_advisory_xact_lock(${LOCK})`)
  const [since] = await published(tx)
  if (since === undefined || since.kid === newest?.kid) {
    const kid = await makeKey(tx, keyring, nowMs)
    // The first key of a deployment takes nobody's place.
    if (since !== undefined) await stateRotation(tx, kid, nowMs)
  }
  const after = await published(tx)
  const [first] = after
  if (first === undefined) throw new Error('a signing key was made and is not there')
  return loadedOf(after, first, keyring)
}

function published(db: Db): Promise<readonly KeyRow[]> {
  return many(
    db,
    KeyRow,
    sql`select kid, public_jwk, private_sealed, created_at
          from identity.signing_keys
         order by created_at desc, kid
         limit ${PUBLISHED}`,
  )
}

async function stateRotation(tx: Db, kid: Id<'signing_key'>, nowMs: number): Promise<void> {
  const stating = { at: timeOf(nowMs), actor: actorFromService('identity'), correlationId: kid, causationId: kid, traceparent: childTrace() }
  await stateFacts(tx, kid, [fact(SigningKeyRotated, { kid })], stating)
}

async function makeKey(tx: Db, keyring: Keyring, nowMs: number): Promise<Id<'signing_key'>> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const jwk = PublicJwk.parse(publicKey.export({ format: 'jwk' }))
  const kid = newId<'signing_key'>(nowMs)
  const sealed = keyring.seal('signing', privateKey.export({ format: 'der', type: 'pkcs8' }), signingBinding(kid))
  await exec(
    tx,
    sql`insert into identity.signing_keys (kid, public_jwk, private_sealed, created_at)
        values (${kid}, ${JSON.stringify(jwk)}, ${sealed}, ${timeOf(nowMs)})`,
  )
  await exec(
    tx,
    sql`delete from identity.signing_keys
         where kid not in (select kid from identity.signing_keys order by created_at desc, kid limit ${PUBLISHED})`,
  )
  return kid
}

function loadedOf(rows: readonly KeyRow[], newest: KeyRow, keyring: Keyring): Loaded {
  const der = keyring.open('signing', newest.private_sealed, signingBinding(newest.kid))
  return { rows, kid: newest.kid, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) }
}
