-- Who belongs where: engagements as memory tells them, invitations, agents and the tokens they act with.

create table engagement_ref (
  engagement_id uuid primary key,
  display_identifier text not null unique check (display_identifier ~ '^E[0-9]{4,}$'),
  visibility text not null check (visibility in ('private', 'discoverable', 'automatic')),
  state text not null check (state in ('candidate', 'active', 'suspended', 'archived')),
  revision bigint not null
);
-- These two are everywhere from the first start, and what is told of them may be older than this table.
insert into engagement_ref (engagement_id, display_identifier, visibility, state, revision) values
  ('00000000-0000-0000-0000-000000000001', 'E0001', 'private', 'active', 0),
  ('00000000-0000-0000-0000-000000000002', 'E0002', 'automatic', 'active', 0);

create index membership_of_principal on memberships (principal_id) where active;
create index person_referred on persons (referred_by) where referred_by is not null;

create table invitations (
  id uuid primary key,
  engagement_id uuid not null,
  token_hash text not null unique,
  -- Whom it is for, where that was said; forgotten once it is settled.
  email_lookup text,
  designations text[] not null check (cardinality(designations) > 0),
  invited_by uuid not null references persons (id),
  state text not null check (state in ('open', 'accepted', 'declined', 'revoked', 'expired')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  settled_at timestamptz,
  check ((state = 'open') = (settled_at is null)),
  check (state = 'open' or email_lookup is null)
);
create index invitation_of_engagement on invitations (engagement_id, created_at desc, id);
create index invitation_open_until on invitations (expires_at) where state = 'open';

create table agents (
  id uuid primary key,
  -- Null: of the system.
  engagement_id uuid,
  name text not null,
  purpose text not null,
  instruction_version integer not null check (instruction_version > 0),
  state text not null check (state in ('active', 'disabled', 'retired')),
  sponsor_person_id uuid references persons (id),
  revision bigint not null default 1,
  created_at timestamptz not null,
  check ((engagement_id is null) = (sponsor_person_id is null))
);
create unique index agent_name on agents (engagement_id, lower(name)) where state <> 'retired';
create index agent_of_sponsor on agents (sponsor_person_id) where state <> 'retired';
insert into agents (id, engagement_id, name, purpose, instruction_version, state, created_at) values
  ('00000000-0000-0000-0000-0000000000a1', null, 'operator-preapproval-agent', 'Inducts personal engagements.', 1, 'active', now());

create table agent_tokens (
  id uuid primary key,
  agent_id uuid not null references agents (id),
  token_hash text not null unique,
  -- What a token begins with, so that its owner tells it from others.
  prefix text not null,
  scopes text[] not null check (cardinality(scopes) > 0),
  created_by uuid not null references persons (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index agent_token_live on agent_tokens (agent_id) where revoked_at is null;
