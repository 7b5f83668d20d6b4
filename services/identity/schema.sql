create table account_decisions (
  id uuid not null,
  person_id uuid not null,
  seq bigint,
  obeyed_at timestamp with time zone not null,
  CHECK ((seq > 0)),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (id)
);
CREATE INDEX account_decision_of_person ON identity.account_decisions USING btree (person_id);
grant delete, insert, select, update to identity;

create table agent_tokens (
  id uuid not null,
  agent_id uuid not null,
  token_hash text not null,
  prefix text not null,
  scopes text[] not null,
  created_by uuid not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  CHECK ((cardinality(scopes) > 0)),
  FOREIGN KEY (agent_id) REFERENCES identity.agents(id),
  FOREIGN KEY (created_by) REFERENCES identity.persons(id),
  PRIMARY KEY (id),
  UNIQUE (token_hash)
);
CREATE INDEX agent_token_by_end ON identity.agent_tokens USING btree (LEAST(revoked_at, expires_at));
CREATE INDEX agent_token_live ON identity.agent_tokens USING btree (agent_id) WHERE (revoked_at IS NULL);
grant delete, insert, select, update to identity;

create table agents (
  id uuid not null,
  engagement_id uuid,
  name text not null,
  purpose text not null,
  instruction_version integer not null,
  state text not null,
  sponsor_person_id uuid,
  revision bigint not null default 1,
  created_at timestamp with time zone not null,
  CHECK (((engagement_id IS NULL) = (sponsor_person_id IS NULL))),
  CHECK ((instruction_version > 0)),
  CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text, 'retired'::text]))),
  FOREIGN KEY (sponsor_person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (id)
);
CREATE INDEX agent_of_sponsor ON identity.agents USING btree (sponsor_person_id) WHERE (state <> 'retired'::text);
CREATE UNIQUE INDEX agent_name ON identity.agents USING btree (engagement_id, lower(name)) WHERE (state <> 'retired'::text);
grant delete, insert, select, update to identity;

create table challenges (
  id uuid not null,
  purpose text not null,
  challenge text not null,
  registration_id uuid,
  expires_at timestamp with time zone not null,
  person_id uuid,
  session_id uuid,
  kind text,
  operation bytea,
  CHECK ((kind = ANY (ARRAY['approval'::text, 'delegation'::text, 'connection'::text]))),
  CHECK ((purpose = ANY (ARRAY['signup'::text, 'login'::text, 'step_up'::text, 'add_credential'::text, 'enrol'::text, 'operation'::text]))),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  FOREIGN KEY (registration_id) REFERENCES identity.pending_registrations(id) ON DELETE CASCADE,
  FOREIGN KEY (session_id) REFERENCES identity.sessions(id) ON DELETE CASCADE,
  PRIMARY KEY (id)
);
CREATE INDEX challenge_by_expiry ON identity.challenges USING btree (expires_at);
CREATE INDEX challenge_of_session ON identity.challenges USING btree (session_id) WHERE (session_id IS NOT NULL);
CREATE UNIQUE INDEX challenge_of_registration ON identity.challenges USING btree (registration_id) WHERE (registration_id IS NOT NULL);
grant delete, insert, select, update to identity;

create table claim_networks (
  saga_id uuid not null,
  network_hash text not null,
  noted_at timestamp with time zone not null,
  PRIMARY KEY (saga_id)
);
CREATE INDEX claim_network_by_age ON identity.claim_networks USING btree (noted_at);
grant delete, insert, select, update to identity;

create table dead_letter_decision (
  id uuid not null,
  letter bigint not null,
  message_id text not null,
  saga_id uuid,
  decision text not null,
  edited boolean not null,
  reason text not null,
  decided_by jsonb not null,
  decided_at timestamp with time zone not null,
  CHECK (((char_length(reason) >= 3) AND (char_length(reason) <= 500))),
  CHECK ((decision = ANY (ARRAY['redriven'::text, 'discarded'::text]))),
  PRIMARY KEY (id)
);
CREATE INDEX dead_letter_decision_of_letter ON identity.dead_letter_decision USING btree (letter);
CREATE INDEX dead_letter_decision_of_saga ON identity.dead_letter_decision USING btree (saga_id) WHERE (saga_id IS NOT NULL);
grant delete, insert, select, update to identity;

create table deployment (
  only_row boolean not null default true,
  rp_id text not null,
  created_at timestamp with time zone not null default now(),
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to identity;

create table email_codes (
  id uuid not null,
  purpose text not null,
  person_id uuid,
  registration_id uuid,
  email text not null,
  email_lookup text not null,
  digest text not null,
  wrong integer not null default 0,
  expires_at timestamp with time zone not null,
  CHECK (((purpose = 'change'::text) = (person_id IS NOT NULL))),
  CHECK (((purpose = 'signup'::text) = (registration_id IS NOT NULL))),
  CHECK (((wrong >= 0) AND (wrong <= 5))),
  CHECK ((purpose = ANY (ARRAY['change'::text, 'signup'::text]))),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  FOREIGN KEY (registration_id) REFERENCES identity.pending_registrations(id) ON DELETE CASCADE,
  PRIMARY KEY (id),
  UNIQUE (person_id),
  UNIQUE (registration_id)
);
CREATE INDEX email_code_by_expiry ON identity.email_codes USING btree (expires_at);
grant delete, insert, select, update to identity;

create table engagement_ref (
  engagement_id uuid not null,
  display_identifier text not null,
  visibility text not null,
  state text not null,
  revision bigint not null,
  CHECK ((display_identifier ~ '^E[0-9]{4,}$'::text)),
  CHECK ((state = ANY (ARRAY['candidate'::text, 'active'::text, 'suspended'::text, 'archived'::text]))),
  CHECK ((visibility = ANY (ARRAY['private'::text, 'discoverable'::text, 'automatic'::text]))),
  PRIMARY KEY (engagement_id),
  UNIQUE (display_identifier)
);
grant delete, insert, select, update to identity;

create table enrolment_tokens (
  id uuid not null,
  person_id uuid not null,
  token_hash text not null,
  issued_by jsonb not null,
  mailed boolean not null,
  state text not null,
  created_at timestamp with time zone not null,
  usable_from timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  credential jsonb,
  totp_sealed bytea,
  recovery_digests text[],
  key_id text,
  set_id uuid,
  CHECK (((credential IS NULL) = (totp_sealed IS NULL))),
  CHECK (((state = 'open'::text) = (ended_at IS NULL))),
  CHECK ((state = ANY (ARRAY['open'::text, 'used'::text, 'cancelled'::text]))),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (id),
  UNIQUE (token_hash)
);
CREATE INDEX enrolment_by_expiry ON identity.enrolment_tokens USING btree (expires_at);
CREATE UNIQUE INDEX enrolment_open ON identity.enrolment_tokens USING btree (person_id) WHERE (state = 'open'::text);
grant delete, insert, select, update to identity;

create table idempotency_key (
  key_digest text not null,
  fingerprint text not null,
  status integer not null,
  reply jsonb,
  created_at timestamp with time zone not null,
  CHECK (((status >= 200) AND (status <= 299))),
  PRIMARY KEY (key_digest)
);
CREATE INDEX idempotency_key_by_age ON identity.idempotency_key USING btree (created_at);
grant delete, insert, select, update to identity;

create table invitations (
  id uuid not null,
  engagement_id uuid not null,
  token_hash text not null,
  email_lookup text,
  designations text[] not null,
  invited_by uuid not null,
  state text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  settled_at timestamp with time zone,
  CHECK (((state = 'open'::text) = (settled_at IS NULL))),
  CHECK (((state = 'open'::text) OR (email_lookup IS NULL))),
  CHECK ((cardinality(designations) > 0)),
  CHECK ((state = ANY (ARRAY['open'::text, 'accepted'::text, 'declined'::text, 'revoked'::text, 'expired'::text]))),
  FOREIGN KEY (invited_by) REFERENCES identity.persons(id),
  PRIMARY KEY (id),
  UNIQUE (token_hash)
);
CREATE INDEX invitation_by_end ON identity.invitations USING btree (settled_at) WHERE (settled_at IS NOT NULL);
CREATE INDEX invitation_of_engagement ON identity.invitations USING btree (engagement_id, created_at DESC, id);
CREATE INDEX invitation_open_until ON identity.invitations USING btree (expires_at) WHERE (state = 'open'::text);
grant delete, insert, select, update to identity;

create table key_check (
  name text not null,
  check_value text not null,
  PRIMARY KEY (name)
);
grant delete, insert, select, update to identity;

create table live_delegations (
  delegation_id uuid not null,
  person_id uuid not null,
  version integer not null,
  terms_version integer not null,
  state text not null,
  signed_operation_hash text not null,
  terms bytea not null,
  terms_hash text not null,
  expires_at timestamp with time zone not null,
  CHECK (((terms_version >= 1) AND (terms_version <= version))),
  CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'ended'::text]))),
  CHECK ((terms_hash ~ '^[0-9a-f]{64}$'::text)),
  CHECK ((version > 0)),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  FOREIGN KEY (signed_operation_hash) REFERENCES identity.verified_operations(hash),
  PRIMARY KEY (delegation_id)
);
CREATE INDEX live_delegation_of_person ON identity.live_delegations USING btree (person_id);
grant delete, insert, select, update to identity;

create table mail_log (
  key text not null,
  person_id uuid,
  template text not null,
  state text not null,
  sealed bytea,
  tries integer not null default 0,
  due_at timestamp with time zone not null,
  error_class text,
  created_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  CHECK (((char_length(key) >= 1) AND (char_length(key) <= 200))),
  CHECK (((state = 'queued'::text) = (ended_at IS NULL))),
  CHECK (((state = 'queued'::text) = (sealed IS NOT NULL))),
  CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'failed'::text]))),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (key)
);
CREATE INDEX mail_log_by_age ON identity.mail_log USING btree (created_at);
CREATE INDEX mail_log_due ON identity.mail_log USING btree (due_at) WHERE (state = 'queued'::text);
grant delete, insert, select, update to identity;

create table membership_designations (
  membership_id uuid not null,
  designation text not null,
  active boolean not null,
  granted_by jsonb not null,
  granted_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  CHECK ((designation = ANY (ARRAY['operator'::text, 'contributor'::text, 'domain_expert'::text]))),
  FOREIGN KEY (membership_id) REFERENCES identity.memberships(id) ON DELETE CASCADE,
  PRIMARY KEY (membership_id, designation)
);
grant delete, insert, select, update to identity;

create table memberships (
  id uuid not null,
  principal_kind text not null,
  principal_id uuid not null,
  engagement_id uuid not null,
  active boolean not null,
  operator_sequence_number integer,
  commit_authority boolean not null default false,
  granted_by jsonb not null,
  created_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  revision bigint not null default 1,
  CHECK (((operator_sequence_number IS NOT NULL) = (principal_kind = 'person'::text))),
  CHECK ((operator_sequence_number >= 1)),
  CHECK ((principal_kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  PRIMARY KEY (id),
  UNIQUE (principal_id, engagement_id),
  UNIQUE (principal_id, operator_sequence_number)
);
CREATE INDEX membership_of_engagement ON identity.memberships USING btree (engagement_id) WHERE active;
CREATE INDEX membership_of_principal ON identity.memberships USING btree (principal_id) WHERE active;
grant delete, insert, select, update to identity;

create table minted (
  act text not null,
  operation_hash text not null,
  attempts integer not null,
  first_at timestamp with time zone not null,
  last_exp timestamp with time zone not null,
  CHECK (((attempts >= 1) AND (attempts <= 5))),
  CHECK ((act ~ '^[0-9a-f]{64}$'::text)),
  FOREIGN KEY (operation_hash) REFERENCES identity.verified_operations(hash),
  PRIMARY KEY (act)
);
CREATE INDEX minted_on_operation ON identity.minted USING btree (operation_hash);
grant delete, insert, select, update to identity;

create table outbox (
  seq bigint not null generated always as identity,
  id uuid not null,
  entity_id text not null,
  revision bigint,
  stream text,
  subject text not null,
  headers jsonb not null,
  data text not null,
  created_at timestamp with time zone not null default now(),
  published_at timestamp with time zone,
  PRIMARY KEY (seq),
  UNIQUE (id)
);
CREATE INDEX outbox_open ON identity.outbox USING btree (seq) WHERE (published_at IS NULL);
CREATE INDEX outbox_sent ON identity.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
grant delete, insert, select, update to identity;

create table outbox_lease (
  only_row boolean not null default true,
  holder text not null,
  until timestamp with time zone not null,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to identity;

create table pending_registrations (
  id uuid not null,
  secret_hash text not null,
  state text not null,
  email text,
  display_name text,
  companion_name text,
  user_handle bytea,
  credential jsonb,
  totp_sealed bytea,
  totp_key_id text,
  totp_step bigint,
  recovery_digests text[],
  recovery_key_id text,
  set_id uuid,
  attempt integer not null default 0,
  saga_id uuid,
  saga_input jsonb,
  network_hash text,
  submitted_at timestamp with time zone,
  options_used integer not null default 0,
  renewals integer not null default 0,
  wrong_codes integer not null default 0,
  completed_at timestamp with time zone,
  session_id uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  email_proof text not null default 'none'::text,
  claim_grant_id uuid,
  email_proven_at timestamp with time zone,
  CHECK (((attempt >= 0) AND (attempt <= 5))),
  CHECK ((email_proof = ANY (ARRAY['none'::text, 'claim'::text, 'code'::text]))),
  CHECK ((state = ANY (ARRAY['begun'::text, 'passkey_verified'::text, 'proven'::text, 'submitted'::text, 'completed'::text, 'expired'::text]))),
  PRIMARY KEY (id)
);
CREATE INDEX registration_by_expiry ON identity.pending_registrations USING btree (expires_at);
CREATE INDEX registration_of_saga ON identity.pending_registrations USING btree (saga_id) WHERE (saga_id IS NOT NULL);
CREATE INDEX registration_submitted ON identity.pending_registrations USING btree (submitted_at) WHERE (state = 'submitted'::text);
grant delete, insert, select, update to identity;

create table person_roles (
  person_id uuid not null,
  role text not null,
  active boolean not null default true,
  granted_by jsonb not null,
  granted_at timestamp with time zone not null default now(),
  CHECK ((role = ANY (ARRAY['admin'::text, 'support'::text, 'auditor'::text, 'ops'::text]))),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (person_id, role)
);
grant delete, insert, select, update to identity;

create table persons (
  id uuid not null,
  user_handle bytea not null,
  email text not null,
  email_lookup text not null,
  email_verified_at timestamp with time zone,
  display_name text not null,
  signup_display_name text not null,
  companion_name text not null default 'Companion'::text,
  personal_engagement_id uuid,
  referred_by uuid,
  state text not null,
  account_status text not null default 'active'::text,
  previous_status_change_at timestamp with time zone,
  next_operator_seq integer not null default 1,
  revision bigint not null default 0,
  created_at timestamp with time zone not null default now(),
  activated_at timestamp with time zone,
  locked_reason text,
  imported_at timestamp with time zone,
  adopt_attempt integer not null default 0,
  adopt_due_at timestamp with time zone,
  account_seq bigint not null default 0,
  CHECK (((char_length(locked_reason) >= 3) AND (char_length(locked_reason) <= 500))),
  CHECK (((state = 'pending'::text) = (activated_at IS NULL))),
  CHECK ((account_seq >= 0)),
  CHECK ((account_status = ANY (ARRAY['active'::text, 'exhausted'::text, 'suspended'::text, 'deleted'::text]))),
  CHECK ((adopt_attempt >= 0)),
  CHECK ((octet_length(user_handle) = 32)),
  CHECK ((referred_by <> id)),
  CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'locked'::text, 'erasing'::text, 'erased'::text]))),
  FOREIGN KEY (referred_by) REFERENCES identity.persons(id),
  PRIMARY KEY (id),
  UNIQUE (personal_engagement_id),
  UNIQUE (user_handle)
);
CREATE INDEX person_referred ON identity.persons USING btree (referred_by) WHERE (referred_by IS NOT NULL);
CREATE INDEX person_to_adopt ON identity.persons USING btree (created_at) WHERE (personal_engagement_id IS NULL);
CREATE UNIQUE INDEX person_email ON identity.persons USING btree (email_lookup) WHERE (state <> 'erased'::text);
grant delete, insert, select, update to identity;

create table recovery_codes (
  person_id uuid not null,
  digest text not null,
  key_id text not null,
  set_id uuid not null,
  used_at timestamp with time zone,
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (person_id, digest)
);
grant delete, insert, select, update to identity;

create table saga_delivery (
  saga_id uuid not null,
  step text not null,
  dir text not null,
  attempt integer not null,
  delivery_no integer not null,
  at timestamp with time zone not null,
  instance text not null,
  result text not null,
  error_class text,
  duration_ms integer not null,
  CHECK ((attempt > 0)),
  CHECK ((delivery_no > 0)),
  CHECK ((dir = ANY (ARRAY['do'::text, 'undo'::text]))),
  CHECK ((duration_ms >= 0)),
  CHECK ((result = ANY (ARRAY['ok'::text, 'duplicate'::text, 'refused'::text, 'error'::text, 'dead'::text])))
);
CREATE INDEX saga_delivery_by_age ON identity.saga_delivery USING brin (at);
CREATE INDEX saga_delivery_of_saga ON identity.saga_delivery USING btree (saga_id);
grant delete, insert, select, update to identity;

create table saga_fence (
  saga_id uuid not null,
  step text not null,
  state text not null,
  input_hash text,
  reply jsonb,
  undo_reply jsonb,
  first_seen_at timestamp with time zone not null default now(),
  last_seen_at timestamp with time zone not null default now(),
  CHECK ((state = ANY (ARRAY['done'::text, 'failed'::text, 'undone'::text, 'tombstone'::text]))),
  PRIMARY KEY (saga_id, step)
);
CREATE INDEX saga_fence_by_use ON identity.saga_fence USING btree (last_seen_at);
grant delete, insert, select, update to identity;

create table saga_open (
  saga_id uuid not null,
  definition text not null,
  version integer not null,
  state text not null,
  "overlay" text[] not null default '{}'::text[],
  revision bigint not null,
  next_due_at timestamp with time zone,
  outstanding jsonb not null,
  code text,
  started_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  step text,
  attempts integer not null default 0,
  error_class text,
  duration_ms bigint,
  step_ms jsonb,
  refs uuid[] not null default '{}'::uuid[],
  CHECK (("overlay" <@ ARRAY['paused'::text, 'stalled'::text, 'forced'::text])),
  CHECK ((definition = ANY (ARRAY['signup'::text, 'claim'::text, 'erasure'::text, 'adopt'::text]))),
  CHECK ((state = ANY (ARRAY['requested'::text, 'running'::text, 'committed'::text, 'compensating'::text, 'completed'::text, 'aborted'::text]))),
  CHECK ((version > 0)),
  PRIMARY KEY (saga_id)
);
CREATE INDEX saga_open_by_duration ON identity.saga_open USING btree (duration_ms DESC, saga_id DESC) WHERE (duration_ms IS NOT NULL);
CREATE INDEX saga_open_by_error ON identity.saga_open USING btree (error_class, started_at DESC, saga_id DESC) WHERE (error_class IS NOT NULL);
CREATE INDEX saga_open_by_start ON identity.saga_open USING btree (started_at DESC, saga_id);
CREATE INDEX saga_open_by_state ON identity.saga_open USING btree (state, started_at DESC, saga_id DESC) WHERE (state <> 'completed'::text);
CREATE INDEX saga_open_by_step ON identity.saga_open USING btree (step, started_at DESC, saga_id DESC) WHERE (step IS NOT NULL);
CREATE INDEX saga_open_due ON identity.saga_open USING btree (next_due_at) WHERE (next_due_at IS NOT NULL);
CREATE INDEX saga_open_refs ON identity.saga_open USING gin (refs);
CREATE INDEX saga_open_unfinished ON identity.saga_open USING btree (definition, version) WHERE (state <> ALL (ARRAY['completed'::text, 'aborted'::text]));
grant delete, insert, select, update to identity;

create table saga_position (
  only_row boolean not null default true,
  "position" text not null,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to identity;

create table secrets (
  id uuid not null,
  scope text not null,
  scope_id uuid not null,
  name text not null,
  kind text not null,
  ciphertext bytea not null,
  wrapped_dek bytea not null,
  last4 text not null,
  label text,
  created_by jsonb not null,
  created_at timestamp with time zone not null,
  rotated_at timestamp with time zone,
  last_used_at timestamp with time zone,
  CHECK (((char_length(label) >= 1) AND (char_length(label) <= 80))),
  CHECK ((char_length(last4) <= 4)),
  CHECK ((kind = ANY (ARRAY['api_key'::text, 'oauth_token'::text, 'smtp'::text, 'issuer_key'::text, 'other'::text]))),
  CHECK ((scope = ANY (ARRAY['system'::text, 'engagement'::text, 'person'::text]))),
  PRIMARY KEY (id),
  UNIQUE (scope, scope_id, name)
);
grant delete, insert, select, update to identity;

create table sessions (
  id uuid not null,
  person_id uuid not null,
  token_hash text not null,
  credential_id uuid,
  amr text[] not null,
  auth_time timestamp with time zone not null,
  step_up_at timestamp with time zone,
  step_up_level text,
  delivery text not null,
  device text not null,
  ip_prefix text not null,
  created_at timestamp with time zone not null default now(),
  last_seen_at timestamp with time zone not null default now(),
  idle_expires_at timestamp with time zone not null,
  absolute_expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  revoked_reason text,
  replaced_hash text,
  replaced_at timestamp with time zone,
  restricted text not null default 'none'::text,
  replaced_step_up_at timestamp with time zone,
  replaced_step_up_level text,
  replaced_restricted text,
  CHECK (((replaced_hash IS NULL) = (replaced_at IS NULL))),
  CHECK (((revoked_at IS NULL) = (revoked_reason IS NULL))),
  CHECK ((delivery = ANY (ARRAY['cookie'::text, 'bearer'::text]))),
  CHECK ((replaced_restricted = ANY (ARRAY['none'::text, 'recovery'::text, 'erasing'::text]))),
  CHECK ((replaced_step_up_level = ANY (ARRAY['passkey'::text, 'any'::text]))),
  CHECK ((restricted = ANY (ARRAY['none'::text, 'recovery'::text, 'erasing'::text]))),
  CHECK ((revoked_reason = ANY (ARRAY['logout'::text, 'revoked'::text, 'reuse'::text, 'locked'::text, 'erased'::text, 'recovery'::text]))),
  CHECK ((step_up_level = ANY (ARRAY['passkey'::text, 'any'::text]))),
  FOREIGN KEY (credential_id) REFERENCES identity.webauthn_credentials(id),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (id),
  UNIQUE (replaced_hash),
  UNIQUE (token_hash)
);
CREATE INDEX session_by_end ON identity.sessions USING btree (absolute_expires_at);
CREATE INDEX session_live ON identity.sessions USING btree (person_id, created_at) WHERE (revoked_at IS NULL);
CREATE INDEX session_of_device ON identity.sessions USING btree (person_id, device);
grant delete, insert, select, update to identity;

create table settings (
  scope text not null,
  scope_id uuid not null,
  key text not null,
  value jsonb,
  version integer not null,
  updated_by jsonb not null,
  updated_at timestamp with time zone not null,
  CHECK ((scope = ANY (ARRAY['system'::text, 'engagement'::text, 'person'::text]))),
  CHECK ((version > 0)),
  PRIMARY KEY (scope, scope_id, key)
);
grant delete, insert, select, update to identity;

create table signing_keys (
  kid text not null,
  public_jwk jsonb not null,
  private_sealed bytea not null,
  created_at timestamp with time zone not null default now(),
  purpose text not null,
  CHECK ((purpose = ANY (ARRAY['token'::text, 'mandate'::text]))),
  PRIMARY KEY (kid)
);
grant delete, insert, select, update to identity;

create table subject_keys (
  person_id uuid not null,
  wrapped bytea,
  created_at timestamp with time zone not null,
  destroyed_at timestamp with time zone,
  CHECK (((wrapped IS NULL) = (destroyed_at IS NOT NULL))),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (person_id)
);
grant delete, insert, select, update to identity;

create table throttles (
  kind text not null,
  key_hash text not null,
  tries integer not null,
  window_start timestamp with time zone not null,
  blocked_until timestamp with time zone,
  CHECK ((kind = ANY (ARRAY['totp'::text, 'recovery'::text, 'step_up'::text, 'registration'::text, 'claim'::text, 'invitation'::text, 'email_code'::text]))),
  PRIMARY KEY (kind, key_hash)
);
grant delete, insert, select, update to identity;

create table totp_factors (
  person_id uuid not null,
  secret_sealed bytea not null,
  key_id text not null,
  last_step bigint not null,
  confirmed_at timestamp with time zone not null default now(),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (person_id)
);
grant delete, insert, select, update to identity;

create table totp_offers (
  person_id uuid not null,
  secret_sealed bytea not null,
  key_id text not null,
  expires_at timestamp with time zone not null,
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (person_id)
);
grant delete, insert, select, update to identity;

create table verified_operations (
  hash text not null,
  person_id uuid not null,
  credential_id uuid not null,
  at timestamp with time zone not null,
  kind text not null,
  delegation_id uuid,
  version integer,
  action_id uuid,
  not_after timestamp with time zone,
  CHECK ((hash ~ '^[0-9a-f]{64}$'::text)),
  CHECK ((kind = ANY (ARRAY['approval'::text, 'delegation'::text, 'connection'::text, 'other'::text]))),
  CHECK ((version > 0)),
  FOREIGN KEY (credential_id) REFERENCES identity.webauthn_credentials(id),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (hash)
);
CREATE INDEX verified_operation_of_person ON identity.verified_operations USING btree (person_id);
grant delete, insert, select, update to identity;

create table webauthn_credentials (
  id uuid not null,
  person_id uuid not null,
  credential_id bytea not null,
  public_key bytea not null,
  alg integer not null,
  sign_count bigint not null,
  transports jsonb not null default '[]'::jsonb,
  aaguid uuid not null,
  backup_eligible boolean not null,
  backup_state boolean not null,
  display_name text not null,
  state text not null,
  created_at timestamp with time zone not null default now(),
  last_used_at timestamp with time zone,
  clone_suspected_at timestamp with time zone,
  CHECK (((char_length(display_name) >= 1) AND (char_length(display_name) <= 50))),
  CHECK ((state = ANY (ARRAY['active'::text, 'suspect'::text, 'removed'::text]))),
  FOREIGN KEY (person_id) REFERENCES identity.persons(id),
  PRIMARY KEY (id),
  UNIQUE (credential_id)
);
CREATE INDEX credential_of_person ON identity.webauthn_credentials USING btree (person_id);
grant delete, insert, select, update to identity;
