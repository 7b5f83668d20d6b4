-- What a person signed, by what it lets be done (companion page §20): a mandate is minted on no other ground.
alter table verified_operations
  add column kind text not null default 'other' check (kind in ('approval', 'delegation', 'connection', 'other')),
  add column delegation_id uuid,
  add column version integer check (version > 0),
  add column action_id uuid,
  add column not_after timestamptz;
alter table verified_operations alter column kind drop default;

-- What is to be signed, sealed under the key of its person, until it is: then it counts as what was shown.
alter table challenges
  add column kind text check (kind in ('approval', 'delegation', 'connection')),
  add column operation bytea;

-- The contracts of persons, as their newest signature and everything that has lowered them since leave them. Raised by a signature alone.
-- `terms` is sealed under the key of the person. A contract of which a newer version was heard than its terms are of allows nothing.
create table live_delegations (
  delegation_id uuid primary key,
  person_id uuid not null references persons (id),
  version integer not null check (version > 0),
  terms_version integer not null check (terms_version between 1 and version),
  state text not null check (state in ('active', 'suspended', 'ended')),
  signed_operation_hash text not null references verified_operations (hash),
  terms bytea not null,
  terms_hash text not null check (terms_hash ~ '^[0-9a-f]{64}$'),
  expires_at timestamptz not null
);
create index live_delegation_of_person on live_delegations (person_id);

-- Acts for which a mandate to carry them out was minted. A new one is minted once the former is over, five in all.
create table minted (
  act text primary key check (act ~ '^[0-9a-f]{64}$'),
  operation_hash text not null references verified_operations (hash),
  attempts integer not null check (attempts between 1 and 5),
  first_at timestamptz not null,
  last_exp timestamptz not null
);
create index minted_on_operation on minted (operation_hash);

-- The keys of internal tokens, and those of mandates: one for each day.
alter table signing_keys add column purpose text not null default 'token' check (purpose in ('token', 'mandate'));
alter table signing_keys alter column purpose drop default;
