-- A publish looks up the ids it did not take one by one. As a join over all of them, planned while the table was empty, it read every id of
-- the last two minutes with each message, until somebody analysed the table.

-- Stores messages [{subject, id, headers, data}] and writes their deliveries, all or none. One row back for each, in order.
create or replace function publish(messages jsonb)
returns table (ord integer, seq bigint, duplicate boolean)
language plpgsql security definer set search_path = bus, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  anything boolean := may_do_anything();
begin
  -- One publisher at a time, so commit order is seq order and no tail or late consumer skips a message that commits behind a
  -- later one. Callers gather what waits into one call, so the lock costs a commit, not a commit for each message.
  perform pg_advisory_xact_lock(7426001);
  return query
    with asked as (
      select e.ordinality::integer as n, e.value->>'subject' as subject, e.value->>'id' as id, coalesce(e.value->'headers', '{}') as headers, e.value->>'data' as data
        from jsonb_array_elements(messages) with ordinality e
    ), routed as materialized (
      select a.*, st.name, st.duplicate_window_ms
        from asked a
        left join stream st on exists (select from unnest(st.subjects) f where takes(f, a.subject))
       where admitted(a.subject, a.data, st.name, st.max_message_bytes, anything)
    ), first as (
      -- An id that stands in the list twice is its own repeat.
      select distinct on (r.name, r.id) r.* from routed r order by r.name, r.id, r.n
    ), taken as (
      insert into recent as k (stream, id, seq, at)
      select o.name, o.id, nextval(pg_get_serial_sequence('bus.message', 'seq')), clock_timestamp()
        from (select f.name, f.id from first f order by f.n) o
      on conflict on constraint recent_pkey do update set seq = excluded.seq, at = excluded.at
        where k.at < clock_timestamp() - make_interval(secs => (select s.duplicate_window_ms from stream s where s.name = k.stream) / 1000.0)
      returning k.stream, k.id, k.seq
    ), stored as (
      insert into message (seq, stream, subject, id, headers, data) overriding system value
      select t.seq, f.name, f.subject, f.id, f.headers, f.data from taken t join first f on f.name = t.stream and f.id = t.id
    ), delivered as (
      -- Most consumers are out after the first comparison; what is left is looked at closely.
      insert into delivery (durable, seq)
      select c.durable, t.seq
        from taken t
        join first f on f.name = t.stream and f.id = t.id
        join consumer c on c.stream = f.name
         and case when f.subject like any (c.likes) then exists (select from unnest(c.filters) g where takes(g, f.subject)) else false end
    )
    select r.n,
           coalesce(t.seq, (select k.seq from recent k where k.stream = r.name and k.id = r.id)),
           t.seq is null or r.n <> f.n
      from routed r
      join first f on f.name = r.name and f.id = r.id
      left join taken t on t.stream = r.name and t.id = r.id
     order by r.n;
end $$;
