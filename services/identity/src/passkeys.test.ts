// Every lie a client can tell in a ceremony, told once: it is refused, and the plain truth beside it is not.
import { randomBytes } from 'node:crypto'
import { type Lies, type PasskeyAlgorithm, SoftwareAuthenticator } from '@loomworks/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import type { PasskeyFault } from './passkey-faults.ts'
import {
  AuthenticationCredential,
  creationOptions,
  provenAssertion,
  provenRegistration,
  RegistrationCredential,
  type RelyingParty,
  requestOptions,
} from './passkeys.ts'

const faults: string[] = []
const onRefused: RelyingParty['onRefused'] = (ceremony, fault) => faults.push(`${ceremony} ${fault}`)
const rp: RelyingParty = { id: 'localhost', name: 'Loomworks', origins: ['http://localhost:4400'], onRefused }
beforeEach(() => faults.splice(0))
const owner = { userHandle: randomBytes(32), email: 'ada@example.org', displayName: 'Ada' }
const authenticator = (alg: PasskeyAlgorithm = 'ES256') => new SoftwareAuthenticator({ origin: 'http://localhost:4400', alg })

async function registered(device: SoftwareAuthenticator, lies: Lies = {}) {
  const options = await creationOptions(rp, owner, randomBytes(32))
  const credential = RegistrationCredential.safeParse(device.register(options, lies))
  return credential.success ? provenRegistration(rp, options.challenge, credential.data) : undefined
}

async function asserted(device: SoftwareAuthenticator, publicKey: string, lies: Lies = {}) {
  const options = await requestOptions(rp, randomBytes(32))
  const credential = AuthenticationCredential.safeParse(device.authenticate(options, lies))
  return credential.success ? provenAssertion(rp, options.challenge, credential.data, Buffer.from(publicKey, 'base64url')) : undefined
}

test('the options ask for a discoverable, verified passkey of three algorithms, and name nobody', async () => {
  const options = await creationOptions(rp, owner, randomBytes(32))
  expect(options.pubKeyCredParams.map(({ alg }) => alg)).toEqual([-8, -7, -257])
  expect(options.authenticatorSelection).toMatchObject({ residentKey: 'required', userVerification: 'required' })
  expect(options).toMatchObject({ attestation: 'none', excludeCredentials: [], user: { id: owner.userHandle.toString('base64url') } })
  expect(Buffer.from(options.challenge, 'base64url')).toHaveLength(32)
})

describe.each(['ES256', 'EdDSA', 'RS256'] as const)('a passkey of %s', (alg) => {
  test('is registered, and proves itself afterwards', async () => {
    const device = authenticator(alg)
    const passkey = await registered(device)
    expect(passkey).toMatchObject({ alg: { ES256: -7, EdDSA: -8, RS256: -257 }[alg], backupEligible: false, signCount: 0 })
    expect(await asserted(device, passkey?.publicKey ?? '')).toEqual({ counter: 1, backupEligible: false, backupState: false })
  })

  test('is refused with a wrong signature', async () => {
    const device = authenticator(alg)
    const passkey = await registered(device)
    expect(await asserted(device, passkey?.publicKey ?? '', { badSignature: true })).toBeUndefined()
    expect(faults).toEqual(['login signature'])
  })
})

/** What is claimed, and how the metrics call it; nothing where no check was come to. */
type Told = readonly [string, Lies, PasskeyFault | undefined]
const BOTH: readonly Told[] = [
  ['another origin', { origin: 'https://evil.example' }, 'origin'],
  ['the origin with another port', { origin: 'http://localhost:4401' }, 'origin'],
  ['the origin in another case', { origin: 'http://LOCALHOST:4400' }, 'origin'],
  ['another RP', { rpId: 'evil.example' }, 'rp_id'],
  ['another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }, 'challenge'],
  ['an empty challenge', { challenge: '' }, 'challenge'],
  ['the type of another ceremony', { type: 'payment.get' }, 'type'],
  ['nobody present', { userPresent: false }, 'user_verification'],
  ['nobody verified', { userVerified: false }, 'user_verification'],
  ['backed up without being eligible', { backupEligible: false, backupState: true }, 'malformed'],
  ['a raw id unlike the id', { rawId: 'AAAA' }, 'malformed'],
  ['a credential that is no public key', { credentialType: 'password' }, undefined],
]

describe('a registration is refused with', () => {
  test.each<Told>([
    ...BOTH,
    ['authenticator data that end early', { truncatedBytes: 5 }, 'algorithm'],
    ['the type of a login', { type: 'webauthn.get' }, 'type'],
    ['a key of an algorithm nobody asked for', { alg: -35 }, 'algorithm'],
    ['a key of no algorithm', { alg: 0 }, 'algorithm'],
    ['a key that is of another kind than its algorithm', { alg: -257 }, 'algorithm'],
    ['a key on another curve than its algorithm', { alg: -8 }, 'algorithm'],
    ['a statement that attests nothing', { attestationStatement: { x: 'y' } }, 'attestation'],
    ['an attestation of another format', { attestationFormat: 'packed' }, 'malformed'],
    ['an attestation of no format', { attestationFormat: 'nonsense' }, 'attestation'],
  ])('%s', async (_what, lies, fault) => {
    expect(await registered(authenticator(), lies)).toBeUndefined()
    expect(faults).toEqual(fault === undefined ? [] : [`registration ${fault}`])
  })
})

describe('a login is refused with', () => {
  test.each<Told>([
    ...BOTH,
    ['authenticator data that end early', { truncatedBytes: 5 }, 'malformed'],
    ['the type of a registration', { type: 'webauthn.create' }, 'type'],
    ['a page of another site around ours', { crossOrigin: true, topOrigin: 'https://evil.example' }, 'origin'],
    ['a top origin that says it is none', { topOrigin: 'https://evil.example' }, 'origin'],
  ])('%s', async (_what, lies, fault) => {
    const device = authenticator()
    const passkey = await registered(device)
    expect(await asserted(device, passkey?.publicKey ?? '', lies)).toBeUndefined()
    expect(faults).toEqual(fault === undefined ? [] : [`login ${fault}`])
  })

  test('the key of another passkey', async () => {
    const other = await registered(authenticator())
    const device = authenticator()
    await registered(device)
    expect(await asserted(device, other?.publicKey ?? '')).toBeUndefined()
  })
})

test('a counter that falls is not judged here: only who owns the key may raise an alarm', async () => {
  const device = authenticator()
  const passkey = await registered(device)
  expect(await asserted(device, passkey?.publicKey ?? '', { counter: 0 })).toMatchObject({ counter: 0 })
})
