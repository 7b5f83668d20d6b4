// Identity as the other services see it, for testing one of them alone: it signs internal tokens and answers who is called what
// and who belongs where. What it knows is what the test tells it.
import { rm } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'
import type { AccountStatus, Role, Scope } from '@loomworks/contracts'
import { type Actor, actorFromPerson, type Clock, newId, type PersonId, type ServiceName } from '@loomworks/kernel'
import { ITK_ISSUER, ITK_LIFE_S, ITK_TYPE } from '@loomworks/service-kit'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

type SigningKey = Parameters<SignJWT['sign']>[0]

export interface Names {
  readonly displayName: string
  readonly signupDisplayName: string
  readonly companionName: string
}

export interface Member {
  readonly personalEngagementId: string
  readonly membershipId: string
  readonly designations: readonly string[]
  readonly commitAuthority: boolean
  readonly revision: number
}

export interface TokenClaims {
  readonly actor: Actor
  readonly scopes?: readonly Scope[]
  readonly roles?: readonly Role[]
  readonly account?: AccountStatus
  /** Who sends it; the gateway where it is not said. */
  readonly azp?: ServiceName
  /** A passkey proof of this moment. */
  readonly steppedUp?: boolean
  readonly sessionId?: string
  /** Who answers for an agent. */
  readonly sponsor?: PersonId
}

/** A public request that the gateway passed on to identity. */
export interface PassedOn {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

const PERSON_SCOPES: readonly Scope[] = [
  'account.read',
  'account.write',
  'account.security',
  'memory.read',
  'memory.write',
  'memory.commit',
  'memory.erase',
  'engagement.manage',
  'companion.converse',
  'companion.approve',
  'credit.read',
  'activity.read',
]

export class IdentityStandIn implements AsyncDisposable {
  /** Person → names; others are answered null. */
  readonly names = new Map<string, Names>()
  /** `principal engagement` → membership; others are answered null. */
  readonly members = new Map<string, Member>()
  /** Hash of a credential → what it opens, or the code by which it is refused; others are `token_refused`. */
  readonly credentials = new Map<string, TokenClaims | { readonly code: string }>()
  /** How often a credential was asked about. */
  introspections = 0
  /** Those of them that were about an answer that is still open. */
  askedAgain = 0
  /** The public requests that arrived here; each is answered 204. */
  readonly passedOn: PassedOn[] = []
  /** While true, identity does not answer. */
  down = false
  /** What a credential opens is told, and a public request answered, when this has resolved. */
  until: Promise<void> = Promise.resolve()
  readonly #clock: Clock
  readonly #socketPath: string
  readonly #key: SigningKey
  readonly #jwk: JWK
  readonly #server: Server

  private constructor(socketPath: string, clock: Clock, pair: { key: SigningKey; jwk: JWK }) {
    this.#clock = clock
    this.#socketPath = socketPath
    this.#key = pair.key
    this.#jwk = pair.jwk
    this.#server = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      request.on('end', () => {
        if (request.url?.startsWith('/auth/') === true) {
          this.passedOn.push(passedOnOf(request))
          void this.until.then(() => response.writeHead(204).end())
          return
        }
        void this.#answer(request.url ?? '', text === '' ? {} : JSON.parse(text), request.headers.authorization ?? '').then(({ status, body }) =>
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        )
      })
    })
  }

  static async listening(socketPath: string, clock: Clock): Promise<IdentityStandIn> {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA', use: 'sig' }
    const standIn = new IdentityStandIn(socketPath, clock, { key: privateKey, jwk })
    await rm(socketPath, { force: true })
    await new Promise<void>((done) => standIn.#server.listen(socketPath, done))
    return standIn
  }

  /** An internal token for an audience. */
  token(audience: ServiceName, { actor, scopes, roles, account, azp = 'gateway', steppedUp, sessionId, sponsor }: TokenClaims): Promise<string> {
    const now = Math.floor(this.#clock.now() / 1000)
    const person = actor.kind === 'person'
    const claims = {
      azp,
      act: actor,
      scope: (scopes ?? (person ? PERSON_SCOPES : [])).join(' '),
      ...(roles && { roles }),
      ...(sessionId !== undefined && { sid: sessionId }),
      ...(sponsor !== undefined && { sponsor }),
      ...(person && { account: account ?? 'active' }),
      ...(steppedUp && { step_up: { at: now, level: 'passkey' } }),
    }
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', typ: ITK_TYPE, kid: 'test' })
      .setIssuer(ITK_ISSUER)
      .setAudience(audience)
      .setSubject(actor.id)
      .setJti(newId())
      .setIssuedAt(now)
      .setExpirationTime(now + ITK_LIFE_S)
      .sign(this.#key)
  }

  person(audience: ServiceName, id: PersonId, claims: Partial<TokenClaims> = {}): Promise<string> {
    return this.token(audience, { actor: actorFromPerson(id), ...claims })
  }

  async #answer(path: string, body: Record<string, unknown>, authorization: string): Promise<{ status: number; body: unknown }> {
    if (this.down) return { status: 503, body: {} }
    switch (path) {
      case '/internal/keys':
        return { status: 200, body: { keys: [this.#jwk] } }
      case '/internal/tokens/service':
        return { status: 200, body: await this.#serviceToken(body.audience as ServiceName, authorization) }
      case '/internal/introspect':
        return { status: 200, body: await this.#introspected(body) }
      case '/internal/persons:names':
        return { status: 200, body: (body.ids as string[]).map((id) => this.names.get(id) ?? null) }
      case '/internal/memberships:check':
        return { status: 200, body: this.members.get(`${String(body.principalId)} ${String(body.engagementId)}`) ?? null }
      default:
        return { status: 404, body: {} }
    }
  }

  async #introspected({ credentialHash, audience, again }: Readonly<Record<string, unknown>>): Promise<object> {
    this.introspections++
    if (again === true) this.askedAgain++
    await this.until
    const opens = this.credentials.get(String(credentialHash)) ?? { code: 'token_refused' }
    if ('code' in opens) return { active: false, code: opens.code }
    return {
      active: true,
      token: await this.token(audience as ServiceName, opens),
      expiresAt: this.#expiry(),
      rateClass: opens.actor.kind === 'agent' ? 'agent' : 'person',
    }
  }

  #expiry(): string {
    return new Date(this.#clock.now() + ITK_LIFE_S * 1000).toISOString()
  }

  async #serviceToken(audience: ServiceName, authorization: string): Promise<{ token: string; expiresAt: string }> {
    const service = authorization.replace(/^Service /, '').split(':', 1)[0] as ServiceName
    const token = await this.token(audience, { actor: { kind: 'service', id: service }, azp: service })
    return { token, expiresAt: this.#expiry() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
    await rm(this.#socketPath, { force: true })
  }
}

function passedOnOf({ method = '', url = '', headers }: IncomingMessage): PassedOn {
  return { method, path: url, headers }
}
