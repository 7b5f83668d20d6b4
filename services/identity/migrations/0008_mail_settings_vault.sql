-- Letters to persons. Until it is out, a letter's address and contents are here, sealed; afterwards only that it was sent. A key is used once,
-- so whoever asks twice for one letter causes one.
create table mail_log (
  key text primary key check (char_length(key) between 1 and 200),
  person_id uuid references persons (id),
  template text not null,
  state text not null check (state in ('queued', 'sent', 'failed')),
  sealed bytea,
  tries integer not null default 0,
  due_at timestamptz not null,
  error_class text,
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((state = 'queued') = (sealed is not null)),
  check ((state = 'queued') = (ended_at is null))
);
create index mail_log_due on mail_log (due_at) where state = 'queued';
create index mail_log_by_age on mail_log (created_at);

-- Value-now of each setting that was ever set. One that went back to what it is without being set keeps its row, without a value, so that its
-- version never falls. The system's own scope id is the nil UUID.
create table settings (
  scope text not null check (scope in ('system', 'engagement', 'person')),
  scope_id uuid not null,
  key text not null,
  value jsonb,
  version integer not null check (version > 0),
  updated_by jsonb not null,
  updated_at timestamptz not null,
  primary key (scope, scope_id, key)
);

-- Secrets that the deployment keeps for somebody. Each is sealed under a key of its own, which is sealed under the key-encryption key; both are
-- bound to the row, so that rows that changed places do not open.
create table secrets (
  id uuid primary key,
  scope text not null check (scope in ('system', 'engagement', 'person')),
  scope_id uuid not null,
  name text not null,
  kind text not null check (kind in ('api_key', 'oauth_token', 'smtp', 'issuer_key', 'other')),
  ciphertext bytea not null,
  wrapped_dek bytea not null,
  last4 text not null check (char_length(last4) <= 4),
  label text check (char_length(label) between 1 and 80),
  created_by jsonb not null,
  created_at timestamptz not null,
  rotated_at timestamptz,
  last_used_at timestamptz,
  unique (scope, scope_id, name)
);

-- One root for each person. Services get keys derived from it, each its own; with the root all that is sealed under them is gone.
create table subject_keys (
  person_id uuid primary key references persons (id),
  wrapped bytea,
  created_at timestamptz not null,
  destroyed_at timestamptz,
  check ((wrapped is null) = (destroyed_at is not null))
);
