-- Audit: one record for each published fact, one Merkle log over all records. A record says who it is of only in its parts, each
-- under a salt of its own. Closed sets are those of libs/foray and libs/contracts.

create table key_check (
  name text primary key,
  check_value text not null
);

create sequence arrival;

-- Its head is made of these columns and stored nowhere else. `arrival` orders records for the log: a record that waits for its
-- predecessor gets a new place when it is let go.
create table record (
  id uuid primary key,
  message_id uuid not null unique,
  service text not null check (service in ('identity', 'memory', 'companion', 'credit', 'audit', 'gateway')),
  class text not null check (class in ('flow', 'event', 'action', 'lifecycle', 'migration')),
  type text not null check (type in ('person_lifecycle', 'identity_change', 'session_change', 'role_change', 'membership_change', 'engagement_lifecycle',
                                     'memory_change', 'credit_flow', 'grant_change')),
  fact text not null check (fact in ('person_activated', 'person_names_changed', 'credential_added', 'credential_clone_suspected', 'session_opened', 'session_revoked',
                                     'role_granted', 'membership_granted', 'engagement_opened', 'engagement_voided', 'memory_added', 'memory_recorded',
                                     'memory_committed', 'memory_superseded', 'memory_retracted', 'credits_issued', 'grant_issued', 'grant_claimed')),
  priority text not null check (priority in ('critical', 'high', 'standard', 'low')),
  actor_kind text not null check (actor_kind in ('person', 'companion', 'agent', 'service')),
  approval_mode text check (approval_mode in ('explicit', 'pre_authorized')),
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  head_salt bytea not null check (octet_length(head_salt) = 16),
  content_hash bytea not null check (octet_length(content_hash) = 32),
  arrival bigint not null default nextval('audit.arrival'),
  -- Where the fact stands among its entity's, where these are dense; the entity only as an HMAC.
  entity_hash bytea not null,
  revision bigint,
  prev_revision bigint,
  wait_until timestamptz,
  log_index bigint unique,
  check (actor_kind <> 'companion' or approval_mode is not null)
);
create index record_to_sequence on record (arrival) where log_index is null and wait_until is null;
create index record_waiting on record (wait_until) where log_index is null and wait_until is not null;
create index record_of_entity on record (entity_hash, revision);
create index record_by_arrival on record (arrival);

create table part (
  record_id uuid not null references record (id),
  n integer not null check (n between 0 and 7),
  owner_kind text not null check (owner_kind in ('person', 'engagement', 'deployment')),
  owner_id uuid,
  role text check (role in ('actor', 'principal', 'subject', 'approver', 'counterparty', 'by')),
  commitment bytea not null check (octet_length(commitment) = 32),
  salt bytea,
  body jsonb,
  primary key (record_id, n),
  check ((owner_id is null) = (owner_kind = 'deployment')),
  check ((salt is null) = (body is null))
);
create index part_of_owner on part (owner_kind, owner_id, record_id);

-- One row. Changed only where `size` is still what the writer read.
create table log_state (
  only_row boolean primary key default true check (only_row),
  log_id uuid not null,
  origin text not null,
  size bigint not null default 0,
  frontier bytea[] not null default '{}',
  signed_size bigint not null default 0
);

-- Full tiles of 256 hashes, written once; level 0 holds leaf hashes.
create table leaf_tile (
  level integer not null check (level between 0 and 7),
  n bigint not null check (n >= 0),
  bytes bytea not null check (octet_length(bytes) = 8192),
  primary key (level, n)
);

-- The growing tile of each level above 0.
create table tile_edge (
  level integer primary key check (level between 1 and 7),
  n bigint not null,
  bytes bytea not null check (octet_length(bytes) % 32 = 0)
);

create table checkpoint (
  size bigint primary key check (size > 0),
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  signed_at timestamptz not null,
  kind text not null check (kind in ('flush', 'minute', 'close'))
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

create table outbox_lease (
  only_row boolean primary key default true check (only_row),
  holder text not null,
  until timestamptz not null
);

-- What is recorded stays: of a record only its place may still be set, of a part, a tile and a checkpoint nothing.
revoke update, delete on record, part, leaf_tile, checkpoint from audit;
grant update (arrival, wait_until, log_index) on record to audit;

create function refuse_change() returns trigger language plpgsql as $$
begin
  if old.log_index is not null then raise exception 'audit.immutable: the place of a record in the log is final' using errcode = 'LA001'; end if;
  return new;
end $$;
create trigger place_is_final before update on record for each row execute function refuse_change();
