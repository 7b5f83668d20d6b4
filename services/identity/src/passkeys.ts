// Passkeys (WebAuthn level 3) as this deployment asks for and accepts them. A failed check gives one public answer; what failed
// goes to the metrics alone.
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { z } from 'zod'
import { usableAlgorithm } from './cose-keys.ts'
import { type Ceremony, faultOf, type PasskeyFault } from './passkey-faults.ts'

export interface RelyingParty {
  readonly id: string
  readonly name: string
  readonly origins: readonly string[]
  /** Told why a passkey was refused, which its owner is not. */
  readonly onRefused: (ceremony: Ceremony, fault: PasskeyFault) => void
}

/** EdDSA, ES256, RS256: written out in both calls, because every instance of a fleet must offer and accept the same. */
const ALGORITHMS = [-8, -7, -257]
export const CHALLENGE_LIFE_MS = 300_000

const Base64Url = z.string().regex(/^[A-Za-z0-9_-]+$/)
const Extensions = z.record(z.string(), z.json()).default({})

/** What `navigator.credentials.create` gives, as JSON; members we do not read are dropped. */
export const RegistrationCredential = z.object({
  id: Base64Url.max(1400),
  rawId: Base64Url.max(1400),
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: Base64Url.max(8192),
    attestationObject: Base64Url.max(65_536),
    transports: z
      .array(z.string().regex(/^[a-z-]{1,32}$/))
      .max(10)
      .optional(),
  }),
  clientExtensionResults: Extensions,
  authenticatorAttachment: z.enum(['cross-platform', 'platform']).nullish(),
})
export type RegistrationCredential = z.output<typeof RegistrationCredential>

/** What `navigator.credentials.get` gives, as JSON. */
export const AuthenticationCredential = z.object({
  id: Base64Url.max(1400),
  rawId: Base64Url.max(1400),
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: Base64Url.max(8192),
    authenticatorData: Base64Url.max(8192),
    signature: Base64Url.max(8192),
    userHandle: Base64Url.max(128).nullish(),
  }),
  clientExtensionResults: Extensions,
  authenticatorAttachment: z.enum(['cross-platform', 'platform']).nullish(),
})
export type AuthenticationCredential = z.output<typeof AuthenticationCredential>

/** Options of a ceremony, as `@simplewebauthn/browser` takes them (WebAuthn level 3, `…OptionsJSON`). */
export const CeremonyOptions = z.looseObject({ challenge: z.string() })

/** A passkey as a registration keeps it until there is a person to give it to. */
export const NewPasskey = z.object({
  credentialId: Base64Url,
  publicKey: Base64Url,
  alg: z.int(),
  signCount: z.int().min(0),
  transports: z.array(z.string()),
  aaguid: z.guid(),
  backupEligible: z.boolean(),
  backupState: z.boolean(),
})
export type NewPasskey = z.output<typeof NewPasskey>

export interface PasskeyOwner {
  readonly userHandle: Uint8Array
  readonly email: string
  readonly displayName: string
}

/** Options for making a passkey on an authenticator that holds none of the owner's yet. At a signup nobody owns anything, and a list
 *  would tell whether an address is known. */
export function creationOptions(
  rp: RelyingParty,
  owner: PasskeyOwner,
  challenge: Uint8Array,
  owned: readonly NamedPasskey[] = [],
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  return generateRegistrationOptions({
    rpName: rp.name,
    rpID: rp.id,
    userID: new Uint8Array(owner.userHandle),
    userName: owner.email,
    userDisplayName: owner.displayName,
    challenge: new Uint8Array(challenge),
    timeout: CHALLENGE_LIFE_MS,
    attestationType: 'none',
    excludeCredentials: owned.map(descriptor),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: ALGORITHMS,
  })
}

/** A passkey as options name it to a browser. */
export interface NamedPasskey {
  readonly credentialId: string
  readonly transports: readonly string[]
}

const TransportName = z.enum(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'])

function descriptor({ credentialId, transports }: NamedPasskey) {
  return { id: credentialId, transports: transports.flatMap((each) => TransportName.safeParse(each).data ?? []) }
}

/** Options for proving a passkey: one of those named, or, where none is, of whoever answers. */
export function requestOptions(rp: RelyingParty, challenge: Uint8Array, allowed: readonly NamedPasskey[] = []): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return generateAuthenticationOptions({
    rpID: rp.id,
    challenge: new Uint8Array(challenge),
    allowCredentials: allowed.map(descriptor),
    userVerification: 'required',
    timeout: CHALLENGE_LIFE_MS,
  })
}

/** The passkey a registration response proves, or undefined when any check fails. */
export async function provenRegistration(rp: RelyingParty, challenge: string, credential: RegistrationCredential): Promise<NewPasskey | undefined> {
  const verified = await verifyRegistrationResponse({
    response: credential as unknown as RegistrationResponseJSON,
    expectedChallenge: challenge,
    expectedOrigin: [...rp.origins],
    expectedRPID: rp.id,
    requireUserVerification: true,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(faultOf)
  if (typeof verified === 'string' || !verified.verified) return refused(rp, 'registration', verified)
  const { credential: made, aaguid, credentialDeviceType, credentialBackedUp, fmt } = verified.registrationInfo
  if (fmt !== 'none') return refused(rp, 'registration', 'attestation')
  const passkey = NewPasskey.safeParse({
    credentialId: made.id,
    publicKey: Buffer.from(made.publicKey).toString('base64url'),
    alg: usableAlgorithm(made.publicKey),
    signCount: made.counter,
    transports: credential.response.transports ?? [],
    aaguid,
    backupEligible: credentialDeviceType === 'multiDevice',
    backupState: credentialBackedUp,
  }).data
  return passkey ?? refused(rp, 'registration', 'algorithm')
}

/** A check that ended without an error found that the signature does not hold. */
function refused({ onRefused }: RelyingParty, ceremony: Ceremony, why: PasskeyFault | object): undefined {
  onRefused(ceremony, typeof why === 'string' ? why : 'signature')
}

export interface Assertion {
  readonly counter: number
  readonly backupEligible: boolean
  readonly backupState: boolean
}

/** What a login response proves about a stored public key, or undefined when any check fails. The library's counter check is
 *  disarmed (stored counter 0): it fires before the signature is verified, so anybody who knows a credential id could raise a
 *  clone alarm. */
export async function provenAssertion(
  rp: RelyingParty,
  challenge: string,
  credential: AuthenticationCredential,
  publicKey: Uint8Array,
): Promise<Assertion | undefined> {
  const verified = await verifyAuthenticationResponse({
    response: credential as unknown as AuthenticationResponseJSON,
    expectedChallenge: challenge,
    expectedOrigin: [...rp.origins],
    expectedRPID: rp.id,
    requireUserVerification: true,
    credential: { id: credential.id, publicKey: new Uint8Array(publicKey), counter: 0 },
  }).catch(faultOf)
  if (typeof verified === 'string' || !verified.verified) return refused(rp, 'login', verified)
  const { newCounter, credentialDeviceType, credentialBackedUp } = verified.authenticationInfo
  return { counter: newCounter, backupEligible: credentialDeviceType === 'multiDevice', backupState: credentialBackedUp }
}
