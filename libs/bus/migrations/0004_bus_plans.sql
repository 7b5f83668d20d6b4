-- What runs with every message is planned once on each connection. A function in SQL is parsed and planned anew with every call,
-- and a plan made for the very arguments always looks cheaper than one for any, though making it costs more than running it.
-- Rows are found by an index whatever the planner believed of a table when it was asked.

create or replace function may_publish(subject text) returns boolean language plpgsql stable as $$
begin
  return (select rolsuper from pg_roles where rolname = session_user)
      or exists (select from bus.publisher p where p.role = session_user and subject ~ p.pattern);
end $$;

-- Settles [{durable, seq, deliveries, delayMs?, answered?}]: without delayMs the delivery is over, with it it is due again then;
-- `answered` says that the handler asked for that. Only who holds the latest delivery may: anybody else's word is too late and
-- changes nothing. A delivery stands in the list once.
create or replace function settle(verdicts jsonb) returns void
language plpgsql security definer set search_path = bus, pg_temp as $$
begin
  with v as (
    select * from jsonb_to_recordset(verdicts) as x(durable text, seq bigint, deliveries integer, "delayMs" double precision, answered boolean)
  ), gone as (
    delete from delivery d using v
     where v."delayMs" is null and d.durable = v.durable and d.seq = v.seq and d.deliveries = v.deliveries
  )
  update delivery d
     set due_at = clock_timestamp() + make_interval(secs => v."delayMs" / 1000.0),
         unanswered = case when v.answered then 0 else d.unanswered end
    from v
   where v."delayMs" is not null and d.durable = v.durable and d.seq = v.seq and d.deliveries = v.deliveries;
end $$;

-- Durables that have something to take now.
create or replace function due(durables text[]) returns table (durable text)
language plpgsql security definer stable set search_path = bus, pg_temp as $$
begin
  return query
    select u.name from unnest(durables) u(name) join consumer c on c.durable = u.name
     where exists (select from delivery d where d.durable = u.name and d.deliveries > 0 and d.due_at <= clock_timestamp())
        or (exists (select from delivery d where d.durable = u.name and d.deliveries = 0)
            and (select count(*) from delivery d where d.durable = u.name and d.deliveries > 0) < c.max_pending);
end $$;

-- Read-only: what a stream holds, for tails and the debugger.
create or replace function browse(p_stream text, p_pattern text, p_after bigint, p_limit integer)
returns table (seq bigint, subject text, id text, headers jsonb, data text, published_at timestamptz)
language plpgsql security definer stable set search_path = bus, pg_temp as $$
begin
  return query
    select m.seq, m.subject, m.id, m.headers, m.data, m.published_at from message m
     where m.stream = p_stream and m.seq > p_after and m.subject ~ p_pattern
     order by m.seq limit p_limit;
end $$;

alter function publish(jsonb) set plan_cache_mode = force_generic_plan;
alter function turn(jsonb, jsonb) set plan_cache_mode = force_generic_plan;
alter function turn(jsonb, jsonb) set enable_seqscan = off;
alter function turn(jsonb, jsonb) set enable_bitmapscan = off;
alter function due(text[]) set plan_cache_mode = force_generic_plan;
alter function due(text[]) set enable_seqscan = off;
alter function due(text[]) set enable_bitmapscan = off;
alter function browse(text, text, bigint, integer) set plan_cache_mode = force_generic_plan;
alter function browse(text, text, bigint, integer) set enable_seqscan = off;
alter function browse(text, text, bigint, integer) set enable_bitmapscan = off;
