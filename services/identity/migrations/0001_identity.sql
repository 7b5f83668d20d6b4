-- Identity: persons and how they prove themselves, sessions, memberships, signing keys. Sagas leave their open list here.

create table deployment (
  only_row boolean primary key default true check (only_row),
  rp_id text not null,
  created_at timestamptz not null default now()
);

create table key_check (
  name text primary key,
  check_value text not null
);

create table signing_keys (
  kid text primary key,
  public_jwk jsonb not null,
  private_sealed bytea not null,
  created_at timestamptz not null default now()
);

create table persons (
  id uuid primary key,
  user_handle bytea not null unique check (octet_length(user_handle) = 32),
  email text not null,
  email_lookup text not null,
  email_verified_at timestamptz,
  display_name text not null,
  signup_display_name text not null,
  companion_name text not null default 'Companion',
  personal_engagement_id uuid unique,
  referred_by uuid references persons (id) check (referred_by <> id),
  state text not null check (state in ('pending', 'active', 'locked', 'erasing', 'erased')),
  account_status text not null default 'active' check (account_status in ('active', 'exhausted', 'suspended', 'deleted')),
  previous_status_change_at timestamptz,
  next_operator_seq integer not null default 1,
  revision bigint not null default 0,
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  check ((state = 'pending') = (activated_at is null))
);
-- One live person per address, pending ones included.
create unique index person_email on persons (email_lookup) where state <> 'erased';

create table webauthn_credentials (
  id uuid primary key,
  person_id uuid not null references persons (id),
  credential_id bytea not null unique,
  public_key bytea not null,
  alg integer not null,
  sign_count bigint not null,
  transports jsonb not null default '[]',
  aaguid uuid not null,
  backup_eligible boolean not null,
  backup_state boolean not null,
  display_name text not null check (char_length(display_name) between 1 and 50),
  state text not null check (state in ('active', 'suspect', 'removed')),
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  clone_suspected_at timestamptz
);
create index credential_of_person on webauthn_credentials (person_id);

create table totp_factors (
  person_id uuid primary key references persons (id),
  secret_sealed bytea not null,
  key_id text not null,
  last_step bigint not null,
  confirmed_at timestamptz not null default now()
);

create table recovery_codes (
  person_id uuid not null references persons (id),
  digest text not null,
  key_id text not null,
  set_id uuid not null,
  used_at timestamptz,
  primary key (person_id, digest)
);

create table pending_registrations (
  id uuid primary key,
  secret_hash text not null,
  state text not null check (state in ('begun', 'passkey_verified', 'proven', 'submitted', 'completed', 'expired')),
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
  attempt integer not null default 0 check (attempt between 0 and 5),
  saga_id uuid,
  saga_input jsonb,
  -- Hash of the network that submitted with a claim token, for counting unknown tokens.
  network_hash text,
  submitted_at timestamptz,
  options_used integer not null default 0,
  renewals integer not null default 0,
  wrong_codes integer not null default 0,
  completed_at timestamptz,
  session_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index registration_of_saga on pending_registrations (saga_id) where saga_id is not null;
create index registration_submitted on pending_registrations (submitted_at) where state = 'submitted';
create index registration_by_expiry on pending_registrations (expires_at);

create table challenges (
  id uuid primary key,
  purpose text not null check (purpose in ('signup', 'login')),
  challenge text not null,
  registration_id uuid references pending_registrations (id) on delete cascade,
  expires_at timestamptz not null
);
create unique index challenge_of_registration on challenges (registration_id) where registration_id is not null;
create index challenge_by_expiry on challenges (expires_at);

create table sessions (
  id uuid primary key,
  person_id uuid not null references persons (id),
  token_hash text not null unique,
  credential_id uuid references webauthn_credentials (id),
  amr text[] not null,
  auth_time timestamptz not null,
  step_up_at timestamptz,
  step_up_level text check (step_up_level in ('passkey', 'any')),
  delivery text not null check (delivery in ('cookie', 'bearer')),
  device text not null,
  ip_prefix text not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  idle_expires_at timestamptz not null,
  absolute_expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text check (revoked_reason in ('logout', 'revoked', 'reuse', 'locked', 'erased', 'recovery')),
  check ((revoked_at is null) = (revoked_reason is null))
);
create index session_live on sessions (person_id, created_at) where revoked_at is null;

create table throttles (
  kind text not null check (kind in ('registration', 'claim')),
  key_hash text not null,
  tries integer not null,
  window_start timestamptz not null,
  blocked_until timestamptz,
  primary key (kind, key_hash)
);

create table memberships (
  id uuid primary key,
  principal_kind text not null check (principal_kind in ('person', 'agent')),
  principal_id uuid not null,
  engagement_id uuid not null,
  active boolean not null,
  operator_sequence_number integer check (operator_sequence_number >= 1),
  commit_authority boolean not null default false,
  granted_by jsonb not null,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  revision bigint not null default 1,
  unique (principal_id, engagement_id),
  unique (principal_id, operator_sequence_number),
  check ((operator_sequence_number is not null) = (principal_kind = 'person'))
);
create index membership_of_engagement on memberships (engagement_id) where active;

create table membership_designations (
  membership_id uuid not null references memberships (id) on delete cascade,
  designation text not null check (designation in ('operator', 'contributor', 'domain_expert')),
  active boolean not null,
  granted_by jsonb not null,
  granted_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (membership_id, designation)
);

create table person_roles (
  person_id uuid not null references persons (id),
  role text not null check (role in ('admin', 'support', 'auditor', 'ops')),
  active boolean not null default true,
  granted_by jsonb not null,
  granted_at timestamptz not null default now(),
  primary key (person_id, role)
);

create table outbox (
  seq bigint generated always as identity primary key,
  id uuid not null unique,
  entity_id text not null,
  revision bigint,
  stream text,
  subject text not null,
  headers jsonb not null,
  data text not null,
  created_at timestamptz not null default now(),
  published_at timestamptz
);
create index outbox_open on outbox (seq) where published_at is null;
create index outbox_sent on outbox (published_at) where published_at is not null;

create table outbox_lease (
  only_row boolean primary key default true check (only_row),
  holder text not null,
  until timestamptz not null
);

-- Each participant of a saga: what became of each (saga, step) here. The row makes a do and its undo happen at most once, and an
-- undo final. state and replies: saga page §2.2. A row lives 30 days after its last use.
create table saga_fence (
  saga_id uuid not null,
  step text not null,
  state text not null check (state in ('done', 'failed', 'undone', 'tombstone')),
  input_hash text,
  reply jsonb,
  undo_reply jsonb,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (saga_id, step)
);
create index saga_fence_by_use on saga_fence (last_seen_at);

-- The host of sagas: how each saga stands, a projection of the saga streams guarded by revision. Terminal ones stay to be listed.
create table saga_open (
  saga_id uuid primary key,
  definition text not null check (definition in ('signup', 'claim', 'erasure', 'adopt')),
  version integer not null check (version > 0),
  state text not null check (state in ('requested', 'running', 'committed', 'compensating', 'completed', 'aborted')),
  overlay text[] not null default '{}' check (overlay <@ array['paused', 'stalled', 'forced']),
  revision bigint not null,
  next_due_at timestamptz,
  outstanding jsonb not null,
  code text,
  started_at timestamptz not null,
  updated_at timestamptz not null
);
create index saga_open_due on saga_open (next_due_at) where next_due_at is not null;
create index saga_open_unfinished on saga_open (definition, version) where state not in ('completed', 'aborted');
create index saga_open_by_start on saga_open (started_at desc, saga_id);

-- Up to where the saga streams are in saga_open. One row.
create table saga_position (
  only_row boolean primary key default true check (only_row),
  position text not null
);
