import { readFile } from 'node:fs/promises'
import type { OutboxRelay, Outgoing } from '@loomworks/bus'
import { type Clock, ServiceName, Terminal, tokenHash } from '@loomworks/kernel'
import { ParticipantLog, type SagaHost } from '@loomworks/sagas'
import { keyFromFile, type Log, requireSameKey, SagaLeftovers, type TokenVerifier, tokenVerifier, type Wiring } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'
import { z } from 'zod'
import type { IdentityConfig } from './config.ts'
import { type Cookies, cookiesFor } from './cookies.ts'
import { SAGAS } from './definitions.ts'
import { requireSameDeployment } from './deployment.ts'
import { countDecisions, countRefusedPasskeys, type DecisionOutcome } from './identity-metrics.ts'
import { type Keyring, keyringOf } from './keyring.ts'
import { type Mail, mailOn } from './mail/mail.ts'
import { folderTransport, type MailTransport, smtpTransport } from './mail/transport.ts'
import { type Mandates, mandatesOn } from './ova/mandates.ts'
import type { RelyingParty } from './passkeys.ts'
import { maskWith } from './saga/masking.ts'
import type { Reconciling } from './saga/reconciling.ts'
import type { Sight } from './saga/sight.ts'
import { sagaHost } from './saga-host.ts'
import { type SecretHashes, secretHashes } from './service-secrets.ts'
import { type Signing, signingOn } from './signing.ts'
import { type SystemSettings, systemSettingsOn } from './system-settings.ts'

/** What the slices of identity are given; built once from the platform, never imported as a value by a slice. */
export interface IdentityParts {
  readonly config: IdentityConfig
  readonly db: Database
  readonly relay: OutboxRelay
  readonly clock: Clock
  readonly log: Log
  readonly keyring: Keyring
  /** Shared with credit: e-mail addresses are told apart by HMACs under it. */
  readonly pepper: Buffer
  readonly signing: Signing
  readonly mandates: Mandates
  /** Reads the tokens that persons came to the Companion with. */
  readonly companionTokens: TokenVerifier
  /** The deployment's settings, as they are obeyed here. */
  readonly settings: SystemSettings
  /** Counts a decision of credit about an account by what became of it. */
  readonly decided: (outcome: DecisionOutcome) => void
  /** Sends letters to persons. */
  readonly mail: Mail
  readonly secrets: SecretHashes
  /** Hash of the operator token, where this deployment has one. */
  readonly operatorHash: string | undefined
  readonly rp: RelyingParty
  readonly cookies: Cookies
  /** Runs the signups. */
  readonly sagas: SagaHost
  /** Sends a message out again: a fact through who published it, everything of sagas from here. */
  readonly publish: (message: Outgoing) => Promise<unknown>
  /** What sagas have left with a participant, a page of it. */
  readonly leftoversOf: Reconciling['leftoversOf']
  /** What the saga tool looks through. */
  readonly sight: Sight
}

/** Reads the keys and refuses a database of another deployment before anything is served. */
export async function parts(wiring: Wiring<IdentityConfig>): Promise<IdentityParts> {
  const { config, db, relay, clock, log, metrics } = wiring
  const kek = await keyFromFile('VAULT_KEK_FILE', config.vaultKeyFile)
  const pepper = await keyFromFile('EMAIL_PEPPER_FILE', config.emailPepperFile)
  const former = config.formerVaultKeyFile === undefined ? undefined : await keyFromFile('VAULT_KEK_FORMER_FILE', config.formerVaultKeyFile)
  await requireSameKey(db, 'identity', 'VAULT_KEK_FILE', kek, former)
  await requireSameKey(db, 'identity', 'EMAIL_PEPPER_FILE', pepper)
  await requireSameDeployment(db, config.rpId)
  const sagas = sagaHost(wiring)
  await sagas.check()
  const keyring = keyringOf(kek, { former, digests: pepper })
  const signing = signingOn(db, keyring, clock)
  return {
    config,
    db,
    relay,
    clock,
    log,
    keyring,
    pepper,
    signing,
    mandates: mandatesOn(db, keyring, clock, config.publicOrigin),
    companionTokens: tokenVerifier(
      'companion',
      () => signing.keys(),
      () => clock.now(),
    ),
    settings: systemSettingsOn(db, clock, config.settingStandards),
    decided: countDecisions(metrics),
    mail: mailOn({ db, keyring, clock, log, host: new URL(config.publicOrigin).hostname, transport: mailTransport(config) }),
    secrets: await secretHashes({ text: config.serviceSecrets, file: config.serviceSecretsFile }),
    operatorHash: config.operatorTokenFile === undefined ? undefined : await operatorHashFrom(config.operatorTokenFile),
    rp: { id: config.rpId, name: 'Loomworks', origins: [config.publicOrigin], onRefused: countRefusedPasskeys(metrics) },
    cookies: cookiesFor(config.publicOrigin),
    sagas,
    publish: publishingOf(wiring),
    leftoversOf: (service, cursor) =>
      wiring.client.call(service, SagaLeftovers, { path: `/internal/sagas/effects${cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`}` }),
    sight: sightOf(wiring, keyring),
  }
}

function mailTransport({ smtpUrl, mailboxFolder, mailFrom }: IdentityConfig): MailTransport | undefined {
  if (smtpUrl !== undefined) return smtpTransport(smtpUrl, mailFrom)
  return mailboxFolder === undefined ? undefined : folderTransport(mailboxFolder, mailFrom)
}

/** Participants are asked over HTTP, identity itself among them. */
function sightOf({ db, eventStore: store, bus, client, clock }: Wiring<IdentityConfig>, keyring: Keyring): Sight {
  return {
    db,
    store,
    bus,
    sagas: SAGAS,
    clock,
    mask: maskWith((text) => keyring.mac('tool', text)),
    logOf: (service, sagaId) => client.call(service, ParticipantLog, { path: `/internal/sagas/${sagaId}/fences`, timeoutMs: ASK_MS }),
  }
}

function publishingOf({ bus, client }: Wiring<IdentityConfig>): IdentityParts['publish'] {
  return (message) => {
    const [area, publisher] = message.subject.split('.')
    const owner = area === 'evt' ? ServiceName.parse(publisher) : 'identity'
    if (owner === 'identity') return bus.publish(message, { deadlineMs: PUBLISH_MS })
    return client.call(owner, Published, { method: 'POST', path: '/internal/messages', body: message, timeoutMs: PUBLISH_MS })
  }
}

const Published = z.object({ duplicate: z.boolean() })
const PUBLISH_MS = 3000
/** A participant that is away is shown as such, soon. */
const ASK_MS = 2000

async function operatorHashFrom(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Terminal('config.invalid', 'OPERATOR_TOKEN_FILE names a file that cannot be read. Name the right one, or none.', { cause })
  })
  return tokenHash(text.trim())
}
