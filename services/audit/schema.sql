create table checkpoint (
  size bigint not null,
  root bytea not null,
  note text not null,
  signed_at timestamp with time zone not null,
  kind text not null,
  CHECK ((kind = ANY (ARRAY['flush'::text, 'minute'::text, 'close'::text]))),
  CHECK ((octet_length(root) = 32)),
  CHECK ((size > 0)),
  PRIMARY KEY (size)
);
grant insert, select to audit;

create table key_check (
  name text not null,
  check_value text not null,
  PRIMARY KEY (name)
);
grant delete, insert, select, update to audit;

create table leaf_tile (
  level integer not null,
  n bigint not null,
  bytes bytea not null,
  CHECK (((level >= 0) AND (level <= 7))),
  CHECK ((n >= 0)),
  CHECK ((octet_length(bytes) = 8192)),
  PRIMARY KEY (level, n)
);
grant insert, select to audit;

create table log_state (
  only_row boolean not null default true,
  log_id uuid not null,
  origin text not null,
  size bigint not null default 0,
  frontier bytea[] not null default '{}'::bytea[],
  signed_size bigint not null default 0,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to audit;

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
CREATE INDEX outbox_open ON audit.outbox USING btree (seq) WHERE (published_at IS NULL);
grant delete, insert, select, update to audit;

create table outbox_lease (
  only_row boolean not null default true,
  holder text not null,
  until timestamp with time zone not null,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to audit;

create table part (
  record_id uuid not null,
  n integer not null,
  owner_kind text not null,
  owner_id uuid,
  role text,
  commitment bytea not null,
  salt bytea,
  body jsonb,
  CHECK (((n >= 0) AND (n <= 7))),
  CHECK (((owner_id IS NULL) = (owner_kind = 'deployment'::text))),
  CHECK (((salt IS NULL) = (body IS NULL))),
  CHECK ((octet_length(commitment) = 32)),
  CHECK ((owner_kind = ANY (ARRAY['person'::text, 'engagement'::text, 'deployment'::text]))),
  CHECK ((role = ANY (ARRAY['actor'::text, 'principal'::text, 'subject'::text, 'approver'::text, 'counterparty'::text, 'by'::text]))),
  FOREIGN KEY (record_id) REFERENCES audit.record(id),
  PRIMARY KEY (record_id, n)
);
CREATE INDEX part_of_owner ON audit.part USING btree (owner_kind, owner_id, record_id);
grant insert, select to audit;

create table record (
  id uuid not null,
  message_id uuid not null,
  service text not null,
  class text not null,
  type text not null,
  fact text not null,
  priority text not null,
  actor_kind text not null,
  approval_mode text,
  occurred_at timestamp with time zone not null,
  recorded_at timestamp with time zone not null,
  head_salt bytea not null,
  content_hash bytea not null,
  arrival bigint not null default nextval('audit.arrival'::regclass),
  entity_hash bytea not null,
  revision bigint,
  prev_revision bigint,
  wait_until timestamp with time zone,
  log_index bigint,
  CHECK (((actor_kind <> 'companion'::text) OR (approval_mode IS NOT NULL))),
  CHECK ((actor_kind = ANY (ARRAY['person'::text, 'companion'::text, 'agent'::text, 'service'::text]))),
  CHECK ((approval_mode = ANY (ARRAY['explicit'::text, 'pre_authorized'::text]))),
  CHECK ((class = ANY (ARRAY['flow'::text, 'event'::text, 'action'::text, 'lifecycle'::text, 'migration'::text]))),
  CHECK ((fact = ANY (ARRAY['person_activated'::text, 'person_locked'::text, 'person_unlocked'::text, 'person_names_changed'::text, 'email_changed'::text, 'credential_added'::text, 'credential_removed'::text, 'credential_clone_suspected'::text, 'recovery_used'::text, 'sign_in_throttled'::text, 'enrolment_token_issued'::text, 'session_opened'::text, 'session_revoked'::text, 'role_granted'::text, 'role_revoked'::text, 'membership_granted'::text, 'membership_changed'::text, 'membership_revoked'::text, 'agent_changed'::text, 'agent_token_issued'::text, 'agent_token_revoked'::text, 'key_provided'::text, 'key_removed'::text, 'signing_key_rotated'::text, 'setting_changed'::text, 'account_status_changed'::text, 'identity_fixup_applied'::text, 'engagement_opened'::text, 'engagement_archived'::text, 'engagement_voided'::text, 'display_numbers_taken'::text, 'memory_added'::text, 'memory_recorded'::text, 'memory_committed'::text, 'memory_superseded'::text, 'memory_retracted'::text, 'credits_issued'::text, 'grant_issued'::text, 'grant_claimed'::text, 'account_status_decided'::text, 'delegation_proposed'::text, 'delegation_active'::text, 'delegation_suspended'::text, 'delegation_withdrawn'::text, 'delegation_revoked'::text, 'delegation_expired'::text, 'saga_completed'::text, 'saga_aborted'::text, 'saga_stalled'::text, 'operator_acted'::text, 'saga_looked_up'::text]))),
  CHECK ((octet_length(content_hash) = 32)),
  CHECK ((octet_length(head_salt) = 16)),
  CHECK ((priority = ANY (ARRAY['critical'::text, 'high'::text, 'standard'::text, 'low'::text]))),
  CHECK ((service = ANY (ARRAY['identity'::text, 'memory'::text, 'companion'::text, 'credit'::text, 'audit'::text, 'gateway'::text]))),
  CHECK ((type = ANY (ARRAY['person_lifecycle'::text, 'identity_change'::text, 'session_change'::text, 'role_change'::text, 'membership_change'::text, 'agent_change'::text, 'key_change'::text, 'setting_change'::text, 'account_lifecycle'::text, 'delegation_lifecycle'::text, 'data_migration'::text, 'engagement_lifecycle'::text, 'memory_change'::text, 'workspace_operation'::text, 'credit_flow'::text, 'grant_change'::text, 'saga_outcome'::text, 'operator_action'::text, 'operator_lookup'::text]))),
  PRIMARY KEY (id),
  UNIQUE (log_index),
  UNIQUE (message_id)
);
CREATE INDEX record_by_arrival ON audit.record USING btree (arrival);
CREATE INDEX record_of_entity ON audit.record USING btree (entity_hash, revision);
CREATE INDEX record_to_sequence ON audit.record USING btree (arrival) WHERE ((log_index IS NULL) AND (wait_until IS NULL));
CREATE INDEX record_waiting ON audit.record USING btree (wait_until) WHERE ((log_index IS NULL) AND (wait_until IS NOT NULL));
CREATE TRIGGER place_is_final BEFORE UPDATE ON audit.record FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
grant insert, select to audit;

create table tile_edge (
  level integer not null,
  n bigint not null,
  bytes bytea not null,
  CHECK (((level >= 1) AND (level <= 7))),
  CHECK (((octet_length(bytes) % 32) = 0)),
  PRIMARY KEY (level)
);
grant delete, insert, select, update to audit;

CREATE OR REPLACE FUNCTION audit.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.log_index is not null then raise exception 'audit.immutable: the place of a record in the log is final' using errcode = 'LA001'; end if;
  return new;
end $function$
