// Closed sets that identity alone speaks of; the others are in the contracts.
import { Restriction, SignedKind } from '@loomworks/contracts'
import { z } from 'zod'

/** Where a registration stands (identity page §4). */
export const RegistrationState = z.enum(['begun', 'passkey_verified', 'proven', 'submitted', 'completed', 'expired'])
export type RegistrationState = z.output<typeof RegistrationState>

/** How a registration's address is proven (identity page §4). */
export const EmailProof = z.enum(['none', 'claim', 'code'])
export const EmailCodePurpose = z.enum(['change', 'signup'])

/** Attempts to adopt a person that follow each other within minutes, as many as a signup has. Who was not adopted by then is tried a few times a day, and
 *  reconciling finds them. */
export const ADOPT_ATTEMPTS_SOON = 5

/** How a session's token is handed over and comes back. */
export const SessionDelivery = z.enum(['cookie', 'bearer'])
export type SessionDelivery = z.output<typeof SessionDelivery>

/** A passkey that may have been copied is set aside; a removed one stays, so that what it signed can still be checked. */
export const CredentialState = z.enum(['active', 'suspect', 'removed'])
export const ChallengePurpose = z.enum(['signup', 'login', 'step_up', 'add_credential', 'enrol', 'operation'])
/** Whether an enrolment token can still be used, by the person's hand or not. */
export const EnrolmentState = z.enum(['open', 'used', 'cancelled'])
/** What was signed: `other` lets nothing be minted. */
export const OperationKind = z.enum([...SignedKind.options, 'other'])
/** How a contract stands here: whatever ends it ends it for ever. */
export const DelegationStanding = z.enum(['active', 'suspended', 'ended'])
export type DelegationStanding = z.output<typeof DelegationStanding>
/** Why no mandate is minted: what no signature covers. */
export const MintRefusal = z.enum([
  'person',
  'unsigned',
  'decision',
  'act',
  'mode',
  'contract',
  'stage',
  'connection',
  'audience',
  'capability',
  'connector',
  'amount',
  'payee',
  'recipients',
  'time',
])
export type MintRefusal = z.output<typeof MintRefusal>
/** What a key signs. */
export const KeyPurpose = z.enum(['token', 'mandate'])
export type KeyPurpose = z.output<typeof KeyPurpose>
export const StepUpLevel = z.enum(['passkey', 'any'])
/** What a session is kept to, as it is stored. */
export const StoredRestriction = z.enum(['none', ...Restriction.options])

/** What an operator decided about a dead letter: to have it handled once more, or not. */
export const LetterDecision = z.enum(['redriven', 'discarded'])
export type LetterDecision = z.output<typeof LetterDecision>

/** What became of a letter to a person. */
export const LetterState = z.enum(['queued', 'sent', 'failed'])

/** What became of an invitation: it is settled once. */
export const InvitationState = z.enum(['open', 'accepted', 'declined', 'revoked', 'expired'])
