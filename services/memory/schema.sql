create table activity_v1 (
  object uuid not null,
  engagement uuid not null,
  kind text not null,
  class text not null,
  binding_kind text not null,
  persona_kind text,
  persona_id uuid,
  at timestamp with time zone,
  actor jsonb,
  "position" bigint not null,
  CHECK ((binding_kind = ANY (ARRAY['PersonalOnly'::text, 'HatOnly'::text]))),
  CHECK ((class = ANY (ARRAY['personal'::text, 'operational'::text]))),
  CHECK ((kind = ANY (ARRAY['commit'::text, 'activation'::text]))),
  CHECK ((persona_kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  PRIMARY KEY (object)
);
CREATE INDEX activity_by_time ON memory.activity_v1 USING btree (at DESC, object) WHERE (at IS NOT NULL);
alter table activity_v1 force row level security;
create policy reader on activity_v1 for SELECT to memory_reader using (memory.may_read(engagement, class, persona_id));
create policy writer on activity_v1 for ALL to memory, memory_owner using (true);
grant delete, insert, select, update to memory;
grant select to memory_reader;

create table current_memory_v1 (
  object uuid not null,
  engagement uuid not null,
  type text not null,
  class text not null,
  binding_kind text not null,
  persona_kind text,
  persona_id uuid,
  version integer not null,
  lifetime text not null,
  detail jsonb not null,
  payload jsonb not null,
  sealed jsonb,
  content_event uuid not null,
  trust text not null,
  author jsonb not null,
  sources jsonb not null,
  supersedes jsonb not null,
  about jsonb not null,
  valid_from timestamp with time zone,
  valid_to timestamp with time zone,
  added_at timestamp with time zone not null,
  committed_at timestamp with time zone,
  "position" bigint not null,
  CHECK (((binding_kind = 'PersonalOnly'::text) = (persona_id IS NOT NULL))),
  CHECK (((class = 'operational'::text) OR (binding_kind = 'PersonalOnly'::text))),
  CHECK (((lifetime <> 'Retracted'::text) OR (detail ? 'preservedIn'::text))),
  CHECK ((binding_kind = ANY (ARRAY['PersonalOnly'::text, 'HatOnly'::text]))),
  CHECK ((class = ANY (ARRAY['personal'::text, 'operational'::text]))),
  CHECK ((lifetime = ANY (ARRAY['Drafted'::text, 'Active'::text, 'Superseded'::text, 'Retracted'::text]))),
  CHECK ((persona_kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  CHECK ((trust = ANY (ARRAY['direct_user'::text, 'tool_internal'::text, 'model_inference'::text, 'untrusted'::text]))),
  CHECK ((type = ANY (ARRAY['engagement'::text, 'seed'::text, 'seed_induction_loop_cycle'::text, 'assertion'::text, 'consent'::text]))),
  CHECK ((version > 0)),
  PRIMARY KEY (object)
);
CREATE INDEX current_memory_of_engagement ON memory.current_memory_v1 USING btree (engagement, added_at DESC, object);
alter table current_memory_v1 force row level security;
create policy reader on current_memory_v1 for SELECT to memory_reader using (memory.may_read(engagement, class, persona_id));
create policy writer on current_memory_v1 for ALL to memory, memory_owner using (true);
grant delete, insert, select, update to memory;
grant select to memory_reader;

create table data_key (
  key_id uuid not null,
  holder_key uuid not null,
  wrapped jsonb not null,
  created_at timestamp with time zone not null default now(),
  FOREIGN KEY (holder_key) REFERENCES memory.holder_key(key_id) ON DELETE CASCADE,
  PRIMARY KEY (key_id)
);
CREATE INDEX data_key_of_holder ON memory.data_key USING btree (holder_key);
grant delete, insert, select, update to memory;

create table duplicate_mark_v1 (
  object uuid not null,
  engagement uuid not null,
  class text not null,
  persona_kind text not null,
  persona_id uuid not null,
  mark text not null,
  key_id uuid not null,
  CHECK ((class = ANY (ARRAY['personal'::text, 'operational'::text]))),
  CHECK ((persona_kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  PRIMARY KEY (object)
);
CREATE INDEX duplicate_mark_by_mark ON memory.duplicate_mark_v1 USING btree (mark);
grant delete, insert, select, update to memory;

create table ended_holder (
  holder_kind text not null,
  holder_id uuid not null,
  ended_at timestamp with time zone not null default now(),
  CHECK ((holder_kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  PRIMARY KEY (holder_kind, holder_id)
);
grant delete, insert, select, update to memory;

create table engagement_v1 (
  engagement uuid not null,
  state text not null,
  visibility text not null,
  number integer,
  owner uuid,
  opened_by jsonb not null,
  opened_at timestamp with time zone not null,
  activated_at timestamp with time zone,
  seed uuid,
  seeds jsonb not null,
  engagement_version integer not null,
  "position" bigint not null,
  title jsonb,
  title_event uuid,
  CHECK (((title IS NULL) = (title_event IS NULL))),
  CHECK (((visibility <> 'personal'::text) OR (number IS NULL))),
  CHECK (((visibility = 'personal'::text) = (owner IS NOT NULL))),
  CHECK ((number > 0)),
  CHECK ((state = ANY (ARRAY['candidate'::text, 'active'::text, 'suspended'::text, 'archived'::text]))),
  CHECK ((visibility = ANY (ARRAY['private'::text, 'discoverable'::text, 'automatic'::text, 'personal'::text]))),
  PRIMARY KEY (engagement),
  UNIQUE (number)
);
CREATE INDEX engagement_candidate_of ON memory.engagement_v1 USING btree (((opened_by ->> 'id'::text))) WHERE (state = 'candidate'::text);
CREATE INDEX engagement_of_owner ON memory.engagement_v1 USING btree (owner) WHERE (owner IS NOT NULL);
alter table engagement_v1 force row level security;
create policy reader on engagement_v1 for SELECT to memory_reader using (((owner = memory.principal()) OR ((owner IS NULL) AND memory.is_member(engagement, memory.principal()))));
create policy writer on engagement_v1 for ALL to memory, memory_owner using (true);
grant delete, insert, select, update to memory;
grant select to memory_reader;

create table held_event (
  engagement uuid not null,
  id uuid not null,
  "position" bigint not null,
  message jsonb not null,
  PRIMARY KEY (engagement, id)
);
grant delete, insert, select, update to memory;

create table holder_key (
  key_id uuid not null,
  holder_kind text not null,
  holder_id uuid not null,
  wrapped jsonb not null,
  created_at timestamp with time zone not null default now(),
  CHECK ((holder_kind = ANY (ARRAY['person'::text, 'agent'::text, 'hat'::text]))),
  PRIMARY KEY (key_id),
  UNIQUE (holder_kind, holder_id)
);
grant delete, insert, select, update to memory;

create table idempotency_key (
  key_digest text not null,
  fingerprint text not null,
  status integer,
  reply jsonb,
  leased_until timestamp with time zone,
  created_at timestamp with time zone not null,
  CHECK (((status >= 200) AND (status <= 299))),
  CHECK (((status IS NULL) = (reply IS NULL))),
  CHECK (((status IS NULL) OR (leased_until IS NULL))),
  PRIMARY KEY (key_digest)
);
CREATE INDEX idempotency_key_by_age ON memory.idempotency_key USING btree (created_at);
grant delete, insert, select, update to memory;

create table key_check (
  name text not null,
  check_value text not null,
  PRIMARY KEY (name)
);
grant delete, insert, select, update to memory;

create table membership_feed (
  only_row boolean not null default true,
  heard_at timestamp with time zone not null,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to memory;

create table membership_v1 (
  membership uuid not null,
  engagement uuid not null,
  principal_kind text not null,
  principal_id uuid not null,
  designations jsonb not null,
  commit_authority boolean not null,
  active boolean not null,
  revision bigint not null,
  CHECK ((principal_kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  PRIMARY KEY (membership)
);
CREATE INDEX membership_in_engagement ON memory.membership_v1 USING btree (engagement, principal_id) WHERE active;
CREATE INDEX membership_of_principal ON memory.membership_v1 USING btree (principal_id) WHERE active;
alter table membership_v1 force row level security;
create policy reader on membership_v1 for SELECT to memory_reader using ((principal_id = memory.principal()));
create policy writer on membership_v1 for ALL to memory, memory_owner using (true);
grant delete, insert, select, update to memory;
grant select to memory_reader;

create table needs_you_v1 (
  object uuid not null,
  engagement uuid not null,
  kind text not null,
  class text not null,
  binding_kind text not null,
  persona_kind text,
  persona_id uuid,
  since timestamp with time zone not null,
  "position" bigint not null,
  CHECK ((binding_kind = ANY (ARRAY['PersonalOnly'::text, 'HatOnly'::text]))),
  CHECK ((class = ANY (ARRAY['personal'::text, 'operational'::text]))),
  CHECK ((kind = 'held_memory'::text)),
  CHECK ((persona_kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  PRIMARY KEY (object)
);
alter table needs_you_v1 force row level security;
create policy reader on needs_you_v1 for SELECT to memory_reader using (memory.may_read(engagement, class, persona_id));
create policy writer on needs_you_v1 for ALL to memory, memory_owner using (true);
grant delete, insert, select, update to memory;
grant select to memory_reader;

create table opening (
  engagement uuid not null,
  person uuid not null,
  taken_at timestamp with time zone not null default now(),
  PRIMARY KEY (engagement)
);
CREATE INDEX opening_of_person ON memory.opening USING btree (person);
grant delete, insert, select, update to memory;

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
CREATE INDEX outbox_open ON memory.outbox USING btree (seq) WHERE (published_at IS NULL);
CREATE INDEX outbox_sent ON memory.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
grant delete, insert, select, update to memory;

create table outbox_lease (
  only_row boolean not null default true,
  holder text not null,
  until timestamp with time zone not null,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to memory;

create table personal_gate (
  engagement uuid not null,
  owner uuid not null,
  state text not null,
  CHECK ((state = ANY (ARRAY['held'::text, 'released'::text, 'void'::text]))),
  PRIMARY KEY (engagement)
);
grant delete, insert, select, update to memory;

create table projection_checkpoint (
  name text not null,
  "position" bigint not null,
  instance text,
  moved_at timestamp with time zone not null default now(),
  PRIMARY KEY (name)
);
grant delete, insert, select, update to memory;

create table projection_instance (
  instance text not null,
  seen_at timestamp with time zone not null,
  PRIMARY KEY (instance)
);
grant delete, insert, select, update to memory;

create table projection_lease (
  name text not null,
  holder text,
  until timestamp with time zone,
  PRIMARY KEY (name)
);
grant delete, insert, select, update to memory;

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
CREATE INDEX saga_delivery_by_age ON memory.saga_delivery USING brin (at);
CREATE INDEX saga_delivery_of_saga ON memory.saga_delivery USING btree (saga_id);
grant delete, insert, select, update to memory;

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
CREATE INDEX saga_fence_by_use ON memory.saga_fence USING btree (last_seen_at);
grant delete, insert, select, update to memory;

create view activity as
 SELECT object,
    engagement,
    kind,
    class,
    binding_kind,
    persona_kind,
    persona_id,
    at,
    actor
   FROM memory.activity_v1
  WHERE at IS NOT NULL;

create view current_memory as
 SELECT object,
    engagement,
    type,
    class,
    binding_kind,
    persona_kind,
    persona_id,
    version,
    lifetime,
    detail,
    payload,
    sealed,
    content_event,
    trust,
    author,
    sources,
    supersedes,
    about,
    valid_from,
    valid_to,
    added_at,
    committed_at
   FROM memory.current_memory_v1;

create view engagement as
 SELECT engagement,
    state,
    visibility,
    number,
    owner,
    opened_by,
    opened_at,
    activated_at,
    seed,
    seeds,
    engagement_version,
    title,
    title_event
   FROM memory.engagement_v1;

create view membership as
 SELECT membership,
    engagement,
    principal_kind,
    principal_id,
    designations,
    commit_authority,
    active,
    revision
   FROM memory.membership_v1;

create view needs_you as
 SELECT object,
    engagement,
    kind,
    class,
    binding_kind,
    persona_kind,
    persona_id,
    since
   FROM memory.needs_you_v1;

CREATE OR REPLACE FUNCTION memory.is_member(in_engagement uuid, principal_id uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'memory'
AS $function$
    select exists (select from memory.membership_v1 m where m.engagement = in_engagement and m.principal_id = is_member.principal_id and m.active)
       and coalesce((select e.owner = is_member.principal_id from memory.engagement_v1 e where e.engagement = in_engagement), true)
  $function$

CREATE OR REPLACE FUNCTION memory.may_read(in_engagement uuid, class text, persona_id uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'memory'
AS $function$
    select coalesce(persona_id = memory.principal(), false)
        or (class = 'operational'
            and memory.is_member(in_engagement, memory.principal())
            and (persona_id is null or memory.is_member(in_engagement, persona_id)))
  $function$

CREATE OR REPLACE FUNCTION memory.principal()
 RETURNS uuid
 LANGUAGE sql
 STABLE
AS $function$ select nullif(current_setting('loom.principal', true), '')::uuid $function$
