-- Credit: who was given what, as grants and as an append-only double-entry ledger. A balance is never written by application code.

create table key_check (
  name text primary key,
  check_value text not null
);

create table party (
  id integer generated always as identity primary key,
  kind text not null check (kind in ('person', 'institution')),
  ref text not null,
  created_at timestamptz not null default now(),
  unique (kind, ref)
);

create table asset (
  id smallint primary key,
  code text not null unique,
  kind text not null check (kind in ('credit', 'token', 'status'))
);

-- `id` is the idempotency key: the same id with the same content is one transaction, with other content it is refused.
create table tx (
  id uuid primary key,
  kind text not null check (kind in ('issuance', 'consumption', 'absorption', 'zeroing', 'referral', 'reversal', 'replacement',
                                     'exhaustion', 'restoration', 'suspension', 'reactivation', 'deletion')),
  person_id uuid,
  request_hash text not null,
  meta jsonb not null,
  actor jsonb not null,
  correlation_id text not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default clock_timestamp(),
  xid xid8 not null default pg_current_xact_id()
);
create index tx_by_xid on tx (xid);
create index tx_of_person on tx (person_id, occurred_at) where person_id is not null;

create table flow (
  pos bigint generated always as identity primary key,
  tx uuid not null references tx (id),
  line integer not null check (line between 1 and 64),
  role text not null check (role in ('classifier_input', 'classifier_output', 'responder_input', 'responder_output', 'credit_debit', 'credit', 'status')),
  from_party integer not null references party (id),
  to_party integer not null references party (id),
  asset_id smallint not null references asset (id),
  quantity bigint not null check (quantity >= 0),
  unique (tx, line)
);
create index flow_from on flow (from_party, asset_id);
create index flow_to on flow (to_party, asset_id);

-- Persons only: `settled` is written by the trigger of flow alone.
create table balance (
  party integer not null references party (id),
  asset_id smallint not null references asset (id),
  settled bigint not null default 0,
  held bigint not null default 0,
  primary key (party, asset_id),
  check (0 <= held and held <= settled)
);

-- Institutions only: what their flows add up to, as far as every transaction up to `upto_xid` is over. May be negative.
create table rollup (
  party integer not null references party (id),
  asset_id smallint not null references asset (id),
  upto_xid xid8 not null default '0',
  sum numeric(38) not null default 0,
  primary key (party, asset_id)
);

create table "grant" (
  id uuid primary key,
  claim_token_hash text not null unique,
  recipient_email text,
  recipient_email_hash text not null,
  recipient_email_normalized_hash text not null,
  pepper_version integer not null default 1,
  grant_kind text not null check (grant_kind in ('form_initiated', 'operator_curated', 'referrer_initiated')),
  asset_id smallint not null references asset (id),
  credit_amount bigint not null check (credit_amount between 1 and 1000000000),
  initiated_by uuid not null,
  campaign_ref text check (campaign_ref ~ '^[A-Za-z0-9._-]{1,100}$'),
  metadata jsonb not null default '{}',
  status text not null check (status in ('pending_claim', 'claimed', 'expired', 'revoked')),
  expires_at timestamptz not null,
  claimed_at timestamptz,
  claimed_by_person_id uuid,
  reserved_by uuid,
  reserved_for uuid,
  reserved_at timestamptz,
  revoked_reason text check (char_length(revoked_reason) between 3 and 500),
  created_at timestamptz not null default now(),
  check ((recipient_email is null) = (status <> 'pending_claim')),
  check ((claimed_at is not null) = (status = 'claimed') and (claimed_by_person_id is not null) = (status = 'claimed')),
  check ((reserved_by is null) = (reserved_at is null) and (reserved_by is null) = (reserved_for is null) and (reserved_by is null or status = 'pending_claim'))
);
create unique index grant_pending on "grant" (recipient_email_normalized_hash) where status = 'pending_claim';
create index grant_by_expiry on "grant" (expires_at) where status = 'pending_claim' and reserved_by is null;

-- One row for each address that ever got a grant; it outlives the person.
create table email_grant_registry (
  email_hash text primary key,
  email_normalized_hash text not null,
  pepper_version integer not null default 1,
  first_grant_at timestamptz not null,
  last_grant_at timestamptz not null,
  total_grants_issued integer not null,
  last_grant_id uuid not null,
  last_grant_status text not null check (last_grant_status in ('pending_claim', 'claimed', 'expired', 'revoked', 'deleted')),
  last_status_at timestamptz not null
);
create index registry_by_mailbox on email_grant_registry (email_normalized_hash);

create table account (
  person_id uuid primary key,
  status text not null default 'active' check (status in ('active', 'exhausted', 'suspended', 'deleted')),
  previous_status_change_at timestamptz,
  license_tier text not null default 'open' check (license_tier in ('open', 'granted', 'own_key')),
  expires_at timestamptz,
  exhaustion_preference text not null default 'pause' check (exhaustion_preference in ('pause', 'downgrade_model', 'use_own_key')),
  preferred_asset smallint references asset (id),
  previous_responder_model text,
  referred_by uuid,
  decision_seq bigint not null default 0,
  revision bigint not null default 1,
  created_at timestamptz not null default now()
);

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

insert into asset (id, code, kind) values
  (1, 'loomworks_credit_haiku', 'credit'),
  (2, 'loomworks_credit_sonnet', 'credit'),
  (3, 'loomworks_credit_opus', 'credit'),
  (4, 'anthropic_haiku_4_input', 'token'),
  (5, 'anthropic_haiku_4_output', 'token'),
  (6, 'anthropic_sonnet_4_input', 'token'),
  (7, 'anthropic_sonnet_4_output', 'token'),
  (8, 'anthropic_opus_4_input', 'token'),
  (9, 'anthropic_opus_4_output', 'token'),
  (10, 'loomworks_account_status', 'status');
insert into party (kind, ref) values ('institution', 'dunin7'), ('institution', 'anthropic'), ('institution', 'absorbed');
insert into rollup (party, asset_id) select p.id, a.id from party p cross join asset a where p.kind = 'institution' and a.kind in ('credit', 'token');

-- What is in the ledger stays as it is.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'ledger.immutable: % of % is refused', tg_op, tg_table_name using errcode = 'LC001';
end $$;
create trigger tx_is_immutable before update or delete or truncate on tx for each statement execute function refuse_change();
create trigger flow_is_immutable before update or delete or truncate on flow for each statement execute function refuse_change();

-- Persons' balances follow the flows, in one order for everybody, so that two transactions never wait for each other in a ring.
create function settle_balances() returns trigger language plpgsql as $$
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
end $$;
create trigger flow_settles_balances after insert on flow referencing new table as added for each statement execute function settle_balances();

create function check_lines() returns trigger language plpgsql as $$
declare
  wrong uuid;
begin
  select tx into wrong from added group by tx having min(line) <> 1 or max(line) <> count(*) limit 1;
  if wrong is not null then raise exception 'the lines of % are not 1..n', wrong using errcode = 'LC002'; end if;
  return null;
end $$;
create trigger flow_lines_are_dense after insert on flow referencing new table as added for each statement execute function check_lines();

-- `person:<uuid>` or `inst:<name>`; a person's row is made on first need.
create function party_of(name text) returns integer language plpgsql as $$
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
end $$;

-- The only way into the ledger: {id, kind, personId, requestHash, meta, actor, correlationId, occurredAt,
-- lines: [{role, from, to, asset, quantity}]}. True when it was booked now, false when it stood there already.
create function post(op jsonb) returns boolean language plpgsql security definer set search_path = credit, pg_temp as $$
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
end $$;

-- Moves what is surely over from the log into the sums of the institutions: every transaction below the oldest one still running.
create function roll_up() returns void language plpgsql security definer set search_path = credit, pg_temp as $$
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
end $$;

create view foray_action_flows with (security_invoker = true) as
  select f.tx as transaction_id, f.line, f.role,
         case a.kind when 'person' then 'person:' else 'inst:' end || a.ref as from_party,
         case b.kind when 'person' then 'person:' else 'inst:' end || b.ref as to_party,
         s.code as asset, f.quantity, t.meta as metadata, t.occurred_at as at
    from flow f
    join tx t on t.id = f.tx
    join party a on a.id = f.from_party
    join party b on b.id = f.to_party
    join asset s on s.id = f.asset_id;

-- Persons from their balance, institutions from their sum and the tail behind it: all parties read alike.
create view asset_balances with (security_invoker = true) as
  select 'person:' || p.ref as party, s.code as asset, b.settled::numeric as balance
    from balance b join party p on p.id = b.party join asset s on s.id = b.asset_id
  union all
  select 'inst:' || p.ref, s.code, r.sum + coalesce((
           select sum(case when f.to_party = r.party then f.quantity else 0 end - case when f.from_party = r.party then f.quantity else 0 end)
             from tx t join flow f on f.tx = t.id
            where t.xid >= r.upto_xid and f.asset_id = r.asset_id and (f.to_party = r.party or f.from_party = r.party)), 0)
    from rollup r join party p on p.id = r.party join asset s on s.id = r.asset_id;

revoke insert, update, delete on tx, flow, balance, rollup, party, asset from credit;
grant select on tx, flow, balance, rollup, party, asset to credit;
