-- More ways in, and what guards them: sessions that are rotated or kept to less, challenges for more than signup and login, counters of
-- more kinds of secrets.
alter table sessions
  -- The token before the last rotation: it works 30 seconds more; whoever shows it later has stolen it or was stolen from.
  add column replaced_hash text unique,
  add column replaced_at timestamptz,
  add column restricted text not null default 'none' check (restricted in ('none', 'recovery', 'erasing')),
  add check ((replaced_hash is null) = (replaced_at is null));

alter table challenges
  add column person_id uuid references persons (id),
  add column session_id uuid references sessions (id) on delete cascade;
alter table challenges drop constraint challenges_purpose_check;
alter table challenges add constraint challenges_purpose_check
  check (purpose in ('signup', 'login', 'step_up', 'add_credential', 'enrol', 'operation'));

alter table throttles drop constraint throttles_kind_check;
alter table throttles add constraint throttles_kind_check
  check (kind in ('totp', 'recovery', 'step_up', 'registration', 'claim', 'invitation', 'email_code'));

-- A secret for an authenticator app that its owner has not shown a code of yet.
create table totp_offers (
  person_id uuid primary key references persons (id),
  secret_sealed bytea not null,
  key_id text not null,
  expires_at timestamptz not null
);

-- Why staff locked a person. For staff alone: it holds ids and no names.
alter table persons add column locked_reason text check (char_length(locked_reason) between 3 and 500);

-- A token with which a person makes their factors anew. Where they had any it was mailed, and waits a day in which they can stop it. What
-- is made on the way is kept here until the last step makes it the person's.
create table enrolment_tokens (
  id uuid primary key,
  person_id uuid not null references persons (id),
  token_hash text not null unique,
  issued_by jsonb not null,
  mailed boolean not null,
  state text not null check (state in ('open', 'used', 'cancelled')),
  created_at timestamptz not null,
  usable_from timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  credential jsonb,
  totp_sealed bytea,
  recovery_digests text[],
  key_id text,
  set_id uuid,
  check ((state = 'open') = (ended_at is null)),
  check ((credential is null) = (totp_sealed is null))
);
create unique index enrolment_open on enrolment_tokens (person_id) where state = 'open';
create index enrolment_by_expiry on enrolment_tokens (expires_at);
