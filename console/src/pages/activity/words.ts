import type { Item } from '@loomworks/client'

type Fact = Item<'myActivity'>['fact']

const FACTS: Readonly<Record<Fact, string>> = {
  person_activated: 'Your account was opened',
  person_locked: 'Your account was locked',
  person_unlocked: 'Your account was unlocked',
  person_names_changed: 'Your name, or your Companion’s, was changed',
  email_changed: 'Your address was changed',
  credential_added: 'A way in was added',
  credential_removed: 'A way in was removed',
  credential_clone_suspected: 'A passkey was set aside: it may have been copied',
  recovery_used: 'A recovery code was used',
  sign_in_throttled: 'Signing in was slowed down after wrong codes',
  enrolment_token_issued: 'An administrator made a token for new factors of yours',
  session_opened: 'Somebody signed in as you',
  session_revoked: 'A session of yours ended',
  role_granted: 'A role was given',
  role_revoked: 'A role was taken',
  membership_granted: 'Somebody became a member',
  membership_changed: 'What a member may do was changed',
  membership_revoked: 'A membership ended',
  agent_changed: 'An agent was created or changed',
  agent_token_issued: 'An agent got a token',
  agent_token_revoked: 'A token of an agent ended',
  key_provided: 'A key was stored',
  key_removed: 'A key was removed',
  signing_key_rotated: 'A signing key was changed',
  setting_changed: 'A setting was changed',
  account_status_changed: 'What your account may do was changed',
  account_status_decided: 'What your account may do was decided',
  delegation_proposed: 'A contract with your Companion was proposed',
  delegation_active: 'A contract with your Companion is in force',
  delegation_suspended: 'A contract with your Companion was suspended',
  delegation_withdrawn: 'A proposed contract with your Companion was withdrawn',
  delegation_revoked: 'A contract with your Companion was revoked',
  delegation_expired: 'A contract with your Companion has run out',
  identity_fixup_applied: 'An operator mended something about an account',
  engagement_opened: 'An engagement was opened',
  engagement_archived: 'An engagement was archived',
  engagement_voided: 'An engagement was undone',
  display_numbers_taken: 'Numbers were given to engagements',
  memory_added: 'A draft was added to a memory',
  memory_recorded: 'Something was recorded in a memory',
  memory_committed: 'A draft was committed',
  memory_superseded: 'Something in a memory was superseded',
  memory_retracted: 'Something in a memory was retracted',
  credits_issued: 'Credit was given',
  grant_issued: 'A grant was promised',
  grant_claimed: 'A grant was claimed',
  saga_completed: 'Work across services was completed',
  saga_aborted: 'Work across services was undone',
  saga_stalled: 'Work across services stalled',
  operator_acted: 'An operator acted on work across services',
  saga_looked_up: 'An operator looked up work that concerns you',
}

/** What a fact says; of one that is newer than this page, its name in words. */
export function sentenceOf(fact: Fact): string {
  return FACTS[fact] ?? inWords(fact)
}

/** `memory_committed` → `Memory committed`. */
function inWords(fact: string): string {
  const words = fact.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
