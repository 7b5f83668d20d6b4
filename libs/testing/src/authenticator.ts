// A passkey authenticator in software: it answers creation and request options as `@simplewebauthn/browser` would, and lies on
// request, one lie at a time, so that a test can say which one must be refused. Attestation is always `none`.
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { isoCBOR } from '@simplewebauthn/server/helpers'

export type PasskeyAlgorithm = 'ES256' | 'EdDSA' | 'RS256'

/** What an answer says instead of the truth. */
export interface Lies {
  readonly origin?: string
  readonly rpId?: string
  /** base64url. */
  readonly challenge?: string
  /** `clientData.type`. */
  readonly type?: string
  readonly crossOrigin?: boolean
  readonly topOrigin?: string
  readonly userPresent?: boolean
  readonly userVerified?: boolean
  readonly backupEligible?: boolean
  readonly backupState?: boolean
  readonly counter?: number
  /** COSE algorithm the public key claims to be for. */
  readonly alg?: number
  readonly badSignature?: boolean
  /** base64url; null leaves it out. */
  readonly userHandle?: string | null
  /** base64url: the id the answer goes out under. */
  readonly credentialId?: string
  /** `rawId` where it shall differ from `id`. */
  readonly rawId?: string
  readonly credentialType?: string
  /** Attestation format; its statement stays empty unless `attestationStatement` fills it. */
  readonly attestationFormat?: string
  readonly attestationStatement?: Readonly<Record<string, string>>
  /** Cuts that many bytes off the authenticator data. */
  readonly truncatedBytes?: number
}

export interface Passkey {
  readonly id: Buffer
  readonly rpId: string
  readonly userHandle: string
  readonly alg: PasskeyAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: Map<number, number | Uint8Array<ArrayBuffer>>
  counter: number
}

export interface AuthenticatorOptions {
  readonly origin: string
  readonly alg?: PasskeyAlgorithm
  /** A passkey that a provider keeps in step over devices: backup eligible and backed up. */
  readonly synced?: boolean
  /** Counts its uses; false gives 0 for ever, as synced passkeys do. */
  readonly counts?: boolean
}

const CREDENTIAL_ID_BYTES = 32
const FLAG = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, backupState: 0x10, attested: 0x40 } as const

export class SoftwareAuthenticator {
  readonly #origin: string
  readonly #alg: PasskeyAlgorithm
  readonly #synced: boolean
  readonly #counts: boolean
  readonly passkeys: Passkey[] = []

  constructor({ origin, alg = 'ES256', synced = false, counts = !synced }: AuthenticatorOptions) {
    this.#origin = origin
    this.#alg = alg
    this.#synced = synced
    this.#counts = counts
  }

  /** Makes a passkey for creation options and keeps it. */
  register(options: PublicKeyCredentialCreationOptionsJSON, lies: Lies = {}): RegistrationResponseJSON {
    const passkey = newPasskey(this.#alg, options.rp.id ?? new URL(this.#origin).hostname, options.user.id)
    this.passkeys.push(passkey)
    const id = lies.credentialId === undefined ? passkey.id : Buffer.from(lies.credentialId, 'base64url')
    const publicKey = lies.alg === undefined ? passkey.publicKey : new Map([...passkey.publicKey, [3, lies.alg]])
    const authData = Buffer.concat([this.#head(passkey, FLAG.attested, lies), Buffer.alloc(16), uint16(id.length), id, isoCBOR.encode(publicKey)])
    const attestation = new Map<string, unknown>([
      ['fmt', lies.attestationFormat ?? 'none'],
      ['attStmt', new Map(Object.entries(lies.attestationStatement ?? {}))],
      ['authData', new Uint8Array(cut(authData, lies))],
    ])
    return {
      ...envelope(id, lies),
      response: {
        clientDataJSON: this.#clientData('webauthn.create', options.challenge, lies),
        attestationObject: base64url(isoCBOR.encode(attestation as Parameters<typeof isoCBOR.encode>[0])),
        transports: ['internal'],
      },
    }
  }

  /** Proves the newest passkey it keeps for the options' RP, or the given one. */
  authenticate(options: PublicKeyCredentialRequestOptionsJSON, lies: Lies = {}, chosen?: Passkey): AuthenticationResponseJSON {
    const passkey = chosen ?? this.passkeys.findLast((each) => each.rpId === options.rpId)
    if (passkey === undefined) throw new Error(`this authenticator has no passkey for ${options.rpId}`)
    if (this.#counts) passkey.counter += 1
    const authData = cut(this.#head(passkey, 0, lies), lies)
    const clientDataJSON = this.#clientData('webauthn.get', options.challenge, lies)
    const clientHash = createHash('sha256').update(Buffer.from(clientDataJSON, 'base64url')).digest()
    const signature = signed(passkey, Buffer.concat([authData, clientHash]))
    if (lies.badSignature) signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 0x01, signature.length - 1)
    const userHandle = lies.userHandle === undefined ? passkey.userHandle : lies.userHandle
    const id = lies.credentialId === undefined ? passkey.id : Buffer.from(lies.credentialId, 'base64url')
    return {
      ...envelope(id, lies),
      response: { clientDataJSON, authenticatorData: base64url(authData), signature: base64url(signature), ...(userHandle !== null && { userHandle }) },
    }
  }

  /** RP id hash, flags and counter (WebAuthn §6.1). */
  #head(passkey: Passkey, more: number, lies: Lies): Buffer {
    const { userPresent = true, userVerified = true, backupEligible = this.#synced, backupState = this.#synced, counter = passkey.counter } = lies
    const said = { userPresent, userVerified, backupEligible, backupState }
    const flags = Object.entries(said).reduce((bits, [name, on]) => (on ? bits | FLAG[name as keyof typeof said] : bits), more)
    const rest = Buffer.alloc(5)
    rest.writeUInt8(flags, 0)
    rest.writeUInt32BE(counter, 1)
    return Buffer.concat([
      createHash('sha256')
        .update(lies.rpId ?? passkey.rpId)
        .digest(),
      rest,
    ])
  }

  #clientData(type: string, challenge: string, lies: Lies): string {
    const data = {
      type: lies.type ?? type,
      challenge: lies.challenge ?? challenge,
      origin: lies.origin ?? this.#origin,
      crossOrigin: lies.crossOrigin ?? false,
      ...(lies.topOrigin !== undefined && { topOrigin: lies.topOrigin }),
    }
    return base64url(Buffer.from(JSON.stringify(data)))
  }
}

function envelope(id: Buffer, lies: Lies) {
  return {
    id: base64url(id),
    rawId: lies.rawId ?? base64url(id),
    type: (lies.credentialType ?? 'public-key') as 'public-key',
    clientExtensionResults: {},
    authenticatorAttachment: 'platform' as const,
  }
}

function newPasskey(alg: PasskeyAlgorithm, rpId: string, userHandle: string): Passkey {
  const { privateKey, publicKey } = KEYS[alg]()
  return { id: randomBytes(CREDENTIAL_ID_BYTES), rpId, userHandle, alg, privateKey, publicKey, counter: 0 }
}

interface KeyPair {
  readonly privateKey: KeyObject
  /** The public key as a COSE map (RFC 9053): 1 key type, 3 algorithm, the rest by type. */
  readonly publicKey: Map<number, number | Uint8Array<ArrayBuffer>>
}

const KEYS: Readonly<Record<PasskeyAlgorithm, () => KeyPair>> = {
  ES256: () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
    return { privateKey, publicKey: coseKey([1, 2], [3, -7], [-1, 1], [-2, x], [-3, y]) }
  },
  EdDSA: () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const { x = '' } = publicKey.export({ format: 'jwk' })
    return { privateKey, publicKey: coseKey([1, 1], [3, -8], [-1, 6], [-2, x]) }
  },
  RS256: () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
    return { privateKey, publicKey: coseKey([1, 3], [3, -257], [-1, n], [-2, e]) }
  },
}

function coseKey(...members: readonly (readonly [number, number | string])[]): Map<number, number | Uint8Array<ArrayBuffer>> {
  return new Map(members.map(([label, value]) => [label, typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64url')) : value]))
}

function signed({ alg, privateKey }: Passkey, data: Buffer): Buffer {
  return alg === 'EdDSA' ? sign(null, data, privateKey) : createSign('sha256').update(data).sign(privateKey)
}

function cut(bytes: Buffer, { truncatedBytes = 0 }: Lies): Buffer {
  return bytes.subarray(0, bytes.length - truncatedBytes)
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
