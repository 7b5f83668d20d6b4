create table account (
  person_id uuid not null,
  status text not null default 'active'::text,
  previous_status_change_at timestamp with time zone,
  license_tier text not null default 'open'::text,
  expires_at timestamp with time zone,
  exhaustion_preference text not null default 'pause'::text,
  preferred_asset smallint,
  previous_responder_model text,
  referred_by uuid,
  decision_seq bigint not null default 0,
  revision bigint not null default 1,
  created_at timestamp with time zone not null default now(),
  CHECK ((exhaustion_preference = ANY (ARRAY['pause'::text, 'downgrade_model'::text, 'use_own_key'::text]))),
  CHECK ((license_tier = ANY (ARRAY['open'::text, 'granted'::text, 'own_key'::text]))),
  CHECK ((status = ANY (ARRAY['active'::text, 'exhausted'::text, 'suspended'::text, 'deleted'::text]))),
  FOREIGN KEY (preferred_asset) REFERENCES credit.asset(id),
  PRIMARY KEY (person_id)
);
grant delete, insert, select, update to credit;

create table asset (
  id smallint not null,
  code text not null,
  kind text not null,
  CHECK ((kind = ANY (ARRAY['credit'::text, 'token'::text, 'status'::text]))),
  PRIMARY KEY (id),
  UNIQUE (code)
);
grant select to credit;

create table balance (
  party integer not null,
  asset_id smallint not null,
  settled bigint not null default 0,
  held bigint not null default 0,
  CHECK (((0 <= held) AND (held <= settled))),
  FOREIGN KEY (asset_id) REFERENCES credit.asset(id),
  FOREIGN KEY (party) REFERENCES credit.party(id),
  PRIMARY KEY (party, asset_id)
);
grant select to credit;

create table email_grant_registry (
  email_hash text not null,
  email_normalized_hash text not null,
  pepper_version integer not null default 1,
  first_grant_at timestamp with time zone not null,
  last_grant_at timestamp with time zone not null,
  total_grants_issued integer not null,
  last_grant_id uuid not null,
  last_grant_status text not null,
  last_status_at timestamp with time zone not null,
  CHECK ((last_grant_status = ANY (ARRAY['pending_claim'::text, 'claimed'::text, 'expired'::text, 'revoked'::text, 'deleted'::text]))),
  PRIMARY KEY (email_hash)
);
CREATE INDEX registry_by_last_grant ON credit.email_grant_registry USING btree (last_grant_id);
CREATE INDEX registry_by_mailbox ON credit.email_grant_registry USING btree (email_normalized_hash);
grant delete, insert, select, update to credit;

create table flow (
  pos bigint not null generated always as identity,
  tx uuid not null,
  line integer not null,
  role text not null,
  from_party integer not null,
  to_party integer not null,
  asset_id smallint not null,
  quantity bigint not null,
  CHECK (((line >= 1) AND (line <= 64))),
  CHECK ((quantity >= 0)),
  CHECK ((role = ANY (ARRAY['classifier_input'::text, 'classifier_output'::text, 'responder_input'::text, 'responder_output'::text, 'credit_debit'::text, 'credit'::text, 'status'::text]))),
  FOREIGN KEY (asset_id) REFERENCES credit.asset(id),
  FOREIGN KEY (from_party) REFERENCES credit.party(id),
  FOREIGN KEY (to_party) REFERENCES credit.party(id),
  FOREIGN KEY (tx) REFERENCES credit.tx(id),
  PRIMARY KEY (pos),
  UNIQUE (tx, line)
);
CREATE INDEX flow_from ON credit.flow USING btree (from_party, asset_id);
CREATE INDEX flow_to ON credit.flow USING btree (to_party, asset_id);
CREATE TRIGGER flow_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON credit.flow FOR EACH STATEMENT EXECUTE FUNCTION credit.refuse_change();
CREATE TRIGGER flow_lines_are_dense AFTER INSERT ON credit.flow REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION credit.check_lines();
CREATE TRIGGER flow_settles_balances AFTER INSERT ON credit.flow REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION credit.settle_balances();
grant select to credit;

create table "grant" (
  id uuid not null,
  claim_token_hash text not null,
  recipient_email text,
  recipient_email_hash text not null,
  recipient_email_normalized_hash text not null,
  pepper_version integer not null default 1,
  grant_kind text not null,
  asset_id smallint not null,
  credit_amount bigint not null,
  initiated_by uuid not null,
  campaign_ref text,
  metadata jsonb not null default '{}'::jsonb,
  status text not null,
  expires_at timestamp with time zone not null,
  claimed_at timestamp with time zone,
  claimed_by_person_id uuid,
  reserved_by uuid,
  reserved_for uuid,
  reserved_at timestamp with time zone,
  revoked_reason text,
  created_at timestamp with time zone not null default now(),
  CHECK ((((claimed_at IS NOT NULL) = (status = 'claimed'::text)) AND ((claimed_by_person_id IS NOT NULL) = (status = 'claimed'::text)))),
  CHECK ((((reserved_by IS NULL) = (reserved_at IS NULL)) AND ((reserved_by IS NULL) = (reserved_for IS NULL)) AND ((reserved_by IS NULL) OR (status = 'pending_claim'::text)))),
  CHECK (((char_length(revoked_reason) >= 3) AND (char_length(revoked_reason) <= 500))),
  CHECK (((credit_amount >= 1) AND (credit_amount <= 1000000000))),
  CHECK (((recipient_email IS NULL) = (status <> 'pending_claim'::text))),
  CHECK ((campaign_ref ~ '^[A-Za-z0-9._-]{1,100}$'::text)),
  CHECK ((grant_kind = ANY (ARRAY['form_initiated'::text, 'operator_curated'::text, 'referrer_initiated'::text]))),
  CHECK ((status = ANY (ARRAY['pending_claim'::text, 'claimed'::text, 'expired'::text, 'revoked'::text]))),
  FOREIGN KEY (asset_id) REFERENCES credit.asset(id),
  PRIMARY KEY (id),
  UNIQUE (claim_token_hash)
);
CREATE INDEX grant_by_expiry ON credit."grant" USING btree (expires_at) WHERE ((status = 'pending_claim'::text) AND (reserved_by IS NULL));
CREATE INDEX grant_of_saga ON credit."grant" USING btree (reserved_by) WHERE (reserved_by IS NOT NULL);
CREATE UNIQUE INDEX grant_pending ON credit."grant" USING btree (recipient_email_normalized_hash) WHERE (status = 'pending_claim'::text);
grant delete, insert, select, update to credit;

create table idempotency_key (
  key_digest text not null,
  fingerprint text not null,
  status integer not null,
  reply jsonb,
  created_at timestamp with time zone not null,
  CHECK (((status >= 200) AND (status <= 299))),
  PRIMARY KEY (key_digest)
);
CREATE INDEX idempotency_key_by_age ON credit.idempotency_key USING btree (created_at);
grant delete, insert, select, update to credit;

create table key_check (
  name text not null,
  check_value text not null,
  PRIMARY KEY (name)
);
grant delete, insert, select, update to credit;

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
CREATE INDEX outbox_open ON credit.outbox USING btree (seq) WHERE (published_at IS NULL);
CREATE INDEX outbox_sent ON credit.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
grant delete, insert, select, update to credit;

create table outbox_lease (
  only_row boolean not null default true,
  holder text not null,
  until timestamp with time zone not null,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to credit;

create table party (
  id integer not null generated always as identity,
  kind text not null,
  ref text not null,
  created_at timestamp with time zone not null default now(),
  CHECK ((kind = ANY (ARRAY['person'::text, 'institution'::text]))),
  PRIMARY KEY (id),
  UNIQUE (kind, ref)
);
grant select to credit;

create table rollup (
  party integer not null,
  asset_id smallint not null,
  upto_xid xid8 not null default '0'::xid8,
  sum numeric(38,0) not null default 0,
  FOREIGN KEY (asset_id) REFERENCES credit.asset(id),
  FOREIGN KEY (party) REFERENCES credit.party(id),
  PRIMARY KEY (party, asset_id)
);
grant select to credit;

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
CREATE INDEX saga_delivery_by_age ON credit.saga_delivery USING brin (at);
CREATE INDEX saga_delivery_of_saga ON credit.saga_delivery USING btree (saga_id);
grant delete, insert, select, update to credit;

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
CREATE INDEX saga_fence_by_use ON credit.saga_fence USING btree (last_seen_at);
grant delete, insert, select, update to credit;

create table tx (
  id uuid not null,
  kind text not null,
  person_id uuid,
  request_hash text not null,
  meta jsonb not null,
  actor jsonb not null,
  correlation_id text not null,
  occurred_at timestamp with time zone not null,
  recorded_at timestamp with time zone not null default clock_timestamp(),
  xid xid8 not null default pg_current_xact_id(),
  CHECK ((kind = ANY (ARRAY['issuance'::text, 'consumption'::text, 'absorption'::text, 'zeroing'::text, 'referral'::text, 'reversal'::text, 'replacement'::text, 'exhaustion'::text, 'restoration'::text, 'suspension'::text, 'reactivation'::text, 'deletion'::text]))),
  PRIMARY KEY (id)
);
CREATE INDEX tx_by_xid ON credit.tx USING btree (xid);
CREATE INDEX tx_of_person ON credit.tx USING btree (person_id, occurred_at) WHERE (person_id IS NOT NULL);
CREATE TRIGGER tx_is_immutable BEFORE DELETE OR UPDATE OR TRUNCATE ON credit.tx FOR EACH STATEMENT EXECUTE FUNCTION credit.refuse_change();
grant select to credit;

create view asset_balances as
 SELECT 'person:'::text || p.ref AS party,
    s.code AS asset,
    b.settled::numeric AS balance
   FROM credit.balance b
     JOIN credit.party p ON p.id = b.party
     JOIN credit.asset s ON s.id = b.asset_id
UNION ALL
 SELECT 'inst:'::text || p.ref AS party,
    s.code AS asset,
    r.sum + COALESCE(( SELECT sum(
                CASE
                    WHEN f.to_party = r.party THEN f.quantity
                    ELSE 0::bigint
                END -
                CASE
                    WHEN f.from_party = r.party THEN f.quantity
                    ELSE 0::bigint
                END) AS sum
           FROM credit.tx t
             JOIN credit.flow f ON f.tx = t.id
          WHERE t.xid >= r.upto_xid AND f.asset_id = r.asset_id AND (f.to_party = r.party OR f.from_party = r.party)), 0::numeric) AS balance
   FROM credit.rollup r
     JOIN credit.party p ON p.id = r.party
     JOIN credit.asset s ON s.id = r.asset_id;

create view foray_action_flows as
 SELECT f.tx AS transaction_id,
    f.line,
    f.role,
        CASE a.kind
            WHEN 'person'::text THEN 'person:'::text
            ELSE 'inst:'::text
        END || a.ref AS from_party,
        CASE b.kind
            WHEN 'person'::text THEN 'person:'::text
            ELSE 'inst:'::text
        END || b.ref AS to_party,
    s.code AS asset,
    f.quantity,
    t.meta AS metadata,
    t.occurred_at AS at
   FROM credit.flow f
     JOIN credit.tx t ON t.id = f.tx
     JOIN credit.party a ON a.id = f.from_party
     JOIN credit.party b ON b.id = f.to_party
     JOIN credit.asset s ON s.id = f.asset_id;

CREATE OR REPLACE FUNCTION credit.check_lines()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  wrong uuid;
begin
  select tx into wrong from added group by tx having min(line) <> 1 or max(line) <> count(*) limit 1;
  if wrong is not null then raise exception 'the lines of % are not 1..n', wrong using errcode = 'LC002'; end if;
  return null;
end $function$

CREATE OR REPLACE FUNCTION credit.party_of(name text)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  found integer;
  wanted_kind text := case when name like 'person:%' then 'person' else 'institution' end;
  wanted_ref text := substr(name, strpos(name, ':') + 1);
begin
  select p.id into found from credit.party p where p.kind = wanted_kind and p.ref = wanted_ref;
  if found is not null then return found; end if;
  if wanted_kind <> 'person' then raise exception 'no party %', name using errcode = 'LC003'; end if;
  insert into credit.party (kind, ref) values ('person', wanted_ref) on conflict (kind, ref) do nothing;
  select p.id into found from credit.party p where p.kind = 'person' and p.ref = wanted_ref;
  return found;
end $function$

CREATE OR REPLACE FUNCTION credit.post(op jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'credit', 'pg_temp'
AS $function$
declare
  known text;
begin
  perform 1 from account a where a.person_id = (op->>'personId')::uuid for no key update;
  insert into tx (id, kind, person_id, request_hash, meta, actor, correlation_id, occurred_at)
    values ((op->>'id')::uuid, op->>'kind', (op->>'personId')::uuid, op->>'requestHash', coalesce(op->'meta', '{}'), op->'actor', op->>'correlationId', (op->>'occurredAt')::timestamptz)
    on conflict (id) do nothing;
  if not found then
    select request_hash into known from tx where id = (op->>'id')::uuid;
    if known is distinct from op->>'requestHash' then raise exception 'ledger.id_reused' using errcode = 'LC004'; end if;
    return false;
  end if;
  insert into flow (tx, line, role, from_party, to_party, asset_id, quantity)
    select (op->>'id')::uuid, l.ordinality::integer, l.value->>'role', party_of(l.value->>'from'), party_of(l.value->>'to'),
           (select a.id from asset a where a.code = l.value->>'asset'), (l.value->>'quantity')::bigint
      from jsonb_array_elements(op->'lines') with ordinality l
     order by l.ordinality;
  return true;
end $function$

CREATE OR REPLACE FUNCTION credit.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'ledger.immutable: % of % is refused', tg_op, tg_table_name using errcode = 'LC001';
end $function$

CREATE OR REPLACE FUNCTION credit.roll_up()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'credit', 'pg_temp'
AS $function$
declare
  horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
begin
  perform pg_advisory_xact_lock(hashtext('credit.roll_up'));
  update rollup r
     set sum = r.sum + coalesce(d.delta, 0), upto_xid = horizon
    from rollup k
    left join lateral (
      select sum(case when f.to_party = k.party then f.quantity else 0 end - case when f.from_party = k.party then f.quantity else 0 end) as delta
        from tx t join flow f on f.tx = t.id
       where t.xid >= k.upto_xid and t.xid < horizon and f.asset_id = k.asset_id and (f.to_party = k.party or f.from_party = k.party)
    ) d on true
   where r.party = k.party and r.asset_id = k.asset_id and k.upto_xid < horizon;
end $function$

CREATE OR REPLACE FUNCTION credit.settle_balances()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into credit.balance as b (party, asset_id, settled)
    select d.party, d.asset_id, sum(d.quantity)
      from (select to_party as party, asset_id, quantity from added union all select from_party, asset_id, -quantity from added) d
      join credit.party p on p.id = d.party and p.kind = 'person'
      join credit.asset a on a.id = d.asset_id and a.kind <> 'status'
     group by d.party, d.asset_id
    having sum(d.quantity) <> 0
     order by d.party, d.asset_id
  on conflict (party, asset_id) do update set settled = b.settled + excluded.settled;
  return null;
end $function$
