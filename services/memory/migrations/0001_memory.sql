-- Memory: projections of the engagement streams, the keyring, and what the service needs to publish and to take part in sagas. The
-- streams are the truth; everything here but the keyring can be made again. Readers take the role memory_reader, and row-level
-- security leaves them what their principal (`loom.principal`) may read.

create table key_check (
  name text primary key,
  check_value text not null
);

-- One key per persona, under the master key. Destroying it forgets the persona's texts.
create table holder_key (
  key_id uuid primary key,
  holder_kind text not null check (holder_kind in ('person', 'agent')),
  holder_id uuid not null,
  wrapped jsonb not null,
  created_at timestamptz not null default now(),
  unique (holder_kind, holder_id)
);

-- One key per object, under its holder's. Made ahead; an event names the key that seals it.
create table data_key (
  key_id uuid primary key,
  holder_key uuid not null references holder_key (key_id) on delete cascade,
  wrapped jsonb not null,
  created_at timestamptz not null default now()
);
create index data_key_of_holder on data_key (holder_key);

-- Personas whose signup was undone: no key is ever kept for them again.
create table ended_holder (
  holder_kind text not null check (holder_kind in ('person', 'agent')),
  holder_id uuid not null,
  ended_at timestamptz not null default now(),
  primary key (holder_kind, holder_id)
);

-- Nothing of a personal engagement is published before its person is active.
create table personal_gate (
  engagement uuid primary key,
  owner uuid not null,
  state text not null check (state in ('held', 'released', 'void'))
);
create table held_event (
  engagement uuid not null,
  id uuid not null,
  position bigint not null,
  message jsonb not null,
  primary key (engagement, id)
);

create table projection_checkpoint (
  name text primary key,
  position bigint not null,
  instance text,
  moved_at timestamptz not null default now()
);

-- Memberships as identity tells them: the newest revision of each.
create table membership_v1 (
  membership uuid primary key,
  engagement uuid not null,
  principal_kind text not null check (principal_kind in ('person', 'agent')),
  principal_id uuid not null,
  designations jsonb not null,
  commit_authority boolean not null,
  active boolean not null,
  revision bigint not null
);
create index membership_in_engagement on membership_v1 (engagement, principal_id) where active;
create index membership_of_principal on membership_v1 (principal_id) where active;

create table engagement_v1 (
  engagement uuid primary key,
  state text not null check (state in ('candidate', 'active', 'suspended', 'archived')),
  visibility text not null check (visibility in ('private', 'discoverable', 'automatic', 'personal')),
  number integer unique check (number > 0),
  owner uuid,
  opened_by jsonb not null,
  opened_at timestamptz not null,
  activated_at timestamptz,
  seed uuid,
  -- What each seed of the engagement, in force or not, opens rooms for.
  seeds jsonb not null,
  engagement_version integer not null,
  position bigint not null,
  check ((visibility = 'personal') = (owner is not null)),
  check (visibility <> 'personal' or number is null)
);
create index engagement_of_owner on engagement_v1 (owner) where owner is not null;

create table current_memory_v1 (
  object uuid primary key,
  engagement uuid not null,
  type text not null check (type in ('engagement', 'seed', 'seed_induction_loop_cycle', 'assertion', 'consent')),
  class text not null check (class in ('personal', 'operational')),
  binding_kind text not null check (binding_kind in ('PersonalOnly', 'HatOnly')),
  persona_kind text check (persona_kind in ('person', 'agent')),
  persona_id uuid,
  version integer not null check (version > 0),
  lifetime text not null check (lifetime in ('Drafted', 'Active', 'Superseded', 'Retracted')),
  -- The fields that this lifetime has beside its name.
  detail jsonb not null,
  payload jsonb not null,
  sealed jsonb,
  -- The event whose `sealed` this is: it is bound to it.
  content_event uuid not null,
  trust text not null check (trust in ('direct_user', 'tool_internal', 'model_inference', 'untrusted')),
  author jsonb not null,
  sources jsonb not null,
  supersedes jsonb not null,
  about jsonb not null,
  valid_from timestamptz,
  valid_to timestamptz,
  added_at timestamptz not null,
  committed_at timestamptz,
  position bigint not null,
  check ((binding_kind = 'PersonalOnly') = (persona_id is not null)),
  check (class = 'operational' or binding_kind = 'PersonalOnly'),
  -- Retracted is not deleted: where the content stays is always said.
  check (lifetime <> 'Retracted' or detail ? 'preservedIn')
);
create index current_memory_of_engagement on current_memory_v1 (engagement, added_at desc, object);

create table duplicate_mark_v1 (
  object uuid primary key,
  engagement uuid not null,
  class text not null check (class in ('personal', 'operational')),
  persona_kind text not null check (persona_kind in ('person', 'agent')),
  persona_id uuid not null,
  mark text not null,
  key_id uuid not null
);
create index duplicate_mark_by_mark on duplicate_mark_v1 (mark);

create table needs_you_v1 (
  object uuid primary key,
  engagement uuid not null,
  kind text not null check (kind in ('held_memory')),
  class text not null check (class in ('personal', 'operational')),
  binding_kind text not null check (binding_kind in ('PersonalOnly', 'HatOnly')),
  persona_kind text check (persona_kind in ('person', 'agent')),
  persona_id uuid,
  since timestamptz not null,
  position bigint not null
);

create table activity_v1 (
  object uuid primary key,
  engagement uuid not null,
  kind text not null check (kind in ('commit', 'activation')),
  class text not null check (class in ('personal', 'operational')),
  binding_kind text not null check (binding_kind in ('PersonalOnly', 'HatOnly')),
  persona_kind text check (persona_kind in ('person', 'agent')),
  persona_id uuid,
  -- Null until the object is committed.
  at timestamptz,
  actor jsonb,
  position bigint not null
);
create index activity_by_time on activity_v1 (at desc, object) where at is not null;

-- Each participant of a saga: what became of each (saga, step) here.
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

-- Who reads: the principal of the transaction. An empty setting is nobody.
create function principal() returns uuid language sql stable
  as $$ select nullif(current_setting('loom.principal', true), '')::uuid $$;

-- Security definer, because the reader sees no membership but its own. A personal engagement has no member but its owner, whatever is told.
create function is_member(in_engagement uuid, principal_id uuid) returns boolean language sql stable security definer set search_path = memory
  as $$
    select exists (select from memory.membership_v1 m where m.engagement = in_engagement and m.principal_id = is_member.principal_id and m.active)
       and coalesce((select e.owner = is_member.principal_id from memory.engagement_v1 e where e.engagement = in_engagement), true)
  $$;

-- Visible: the persona is the caller; or operational, in an engagement of the caller, and its persona, where it has one, still there.
create function may_read(in_engagement uuid, class text, persona_id uuid) returns boolean language sql stable security definer set search_path = memory
  as $$
    select coalesce(persona_id = memory.principal(), false)
        or (class = 'operational'
            and memory.is_member(in_engagement, memory.principal())
            and (persona_id is null or memory.is_member(in_engagement, persona_id)))
  $$;

alter table membership_v1 enable row level security;
alter table membership_v1 force row level security;
alter table engagement_v1 enable row level security;
alter table engagement_v1 force row level security;
alter table current_memory_v1 enable row level security;
alter table current_memory_v1 force row level security;
alter table needs_you_v1 enable row level security;
alter table needs_you_v1 force row level security;
alter table activity_v1 enable row level security;
alter table activity_v1 force row level security;

create policy writer on membership_v1 to memory, memory_owner using (true);
create policy writer on engagement_v1 to memory, memory_owner using (true);
create policy writer on current_memory_v1 to memory, memory_owner using (true);
create policy writer on needs_you_v1 to memory, memory_owner using (true);
create policy writer on activity_v1 to memory, memory_owner using (true);

create policy reader on membership_v1 for select to memory_reader using (principal_id = memory.principal());
create policy reader on engagement_v1 for select to memory_reader
  using (owner = memory.principal() or (owner is null and memory.is_member(engagement, memory.principal())));
create policy reader on current_memory_v1 for select to memory_reader using (memory.may_read(engagement, class, persona_id));
create policy reader on needs_you_v1 for select to memory_reader using (memory.may_read(engagement, class, persona_id));
create policy reader on activity_v1 for select to memory_reader using (memory.may_read(engagement, class, persona_id));

create view membership with (security_invoker = true) as
  select membership, engagement, principal_kind, principal_id, designations, commit_authority, active, revision from membership_v1;
create view engagement with (security_invoker = true) as
  select engagement, state, visibility, number, owner, opened_by, opened_at, activated_at, seed, seeds, engagement_version from engagement_v1;
create view current_memory with (security_invoker = true) as
  select object, engagement, type, class, binding_kind, persona_kind, persona_id, version, lifetime, detail, payload, sealed, content_event, trust, author, sources,
         supersedes, about, valid_from, valid_to, added_at, committed_at
    from current_memory_v1;
create view needs_you with (security_invoker = true) as
  select object, engagement, kind, class, binding_kind, persona_kind, persona_id, since from needs_you_v1;
create view activity with (security_invoker = true) as
  select object, engagement, kind, class, binding_kind, persona_kind, persona_id, at, actor from activity_v1 where at is not null;

grant select on membership_v1, engagement_v1, current_memory_v1, needs_you_v1, activity_v1 to memory_reader;
grant select on membership, engagement, current_memory, needs_you, activity to memory_reader;
