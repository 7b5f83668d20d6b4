-- Retention by size beside age; deliveries that ended without a word are counted apart from those that were answered; filters of a
-- consumer only ever widen; subjects are matched without regular expressions; what runs with every message is planned once; who may
-- publish the dead letters of a service, and nobody else, works on its deliveries.

-- A process that dies over a message says nothing, a handler that meets an outage answers "again later". Only the first may make a
-- message dead, so only the first is counted here.
alter table delivery add column unanswered integer not null default 0;

-- How much of a stream has been measured: every message up to counted_to is in `bytes`, unless it has been dropped since. Messages
-- appear in the order of seq, so a number that was passed is never filled later.
create table usage (
  stream text primary key references stream (name),
  counted_to bigint not null default 0,
  bytes bigint not null default 0
);

-- A server keeps 32 regular expressions compiled, eight lanes of each reader are more, and compiling a filter costs a hundred times
-- what matching does.

-- A subject filter for LIKE. It takes a little more than the filter: a wildcard there may reach over a dot.
create function like_of(filter text) returns text language sql immutable as $$
  select replace(replace(replace(replace(replace(filter, '\', '\\'), '%', '\%'), '_', '\_'), '*', '_%'), '>', '_%')
$$;

create function likes_of(filters text[]) returns text[] language sql immutable as $$
  select array(select bus.like_of(f.filter) from unnest(filters) with ordinality f(filter, n) order by f.n)
$$;

create function dots_of(subject text) returns integer language sql immutable as $$
  select length(subject) - length(replace(subject, '.', ''))
$$;

-- Does the filter take the subject? The same as `subject ~ pattern_of(filter)`. As many dots on both sides leave none for a
-- wildcard, and a `>` behind plain text alone may reach over all of them.
create function takes(filter text, subject text) returns boolean language sql immutable as $$
  select subject like bus.like_of(filter)
     and case when filter not like '%>%' then bus.dots_of(subject) = bus.dots_of(filter)
              when filter not like '%*%' and filter like '%.>' then true
              else subject ~ bus.pattern_of(filter) end
$$;

alter table consumer add column likes text[] not null generated always as (likes_of(filters)) stored;

-- What runs with every message is planned once on each connection: a function in SQL is parsed and planned anew with every call, and a
-- plan made for the very arguments always looks cheaper than one for any, though making it costs more than running it. Rows are found
-- by an index whatever the planner believed of a table when it was asked.

create function may_do_anything() returns boolean language plpgsql stable as $$
begin
  return (select r.rolsuper from pg_roles r where r.rolname = session_user);
end $$;

-- Raises LB002 unless the deliveries of a service are the caller's to take and to settle.
create function works_for(service text, anything boolean) returns boolean language plpgsql stable as $$
begin
  if not anything and not exists (select from bus.publisher p where p.role = session_user and p.pattern = bus.pattern_of('dlq.' || service || '.>')) then
    raise exception '% may not work for %', session_user, service using errcode = 'LB002';
  end if;
  return true;
end $$;

-- Raises for what may not be stored: no stream takes it (LB001), the caller may not say it (LB002), it is too large (LB003).
create function admitted(subject text, data text, stream text, max_message_bytes integer, anything boolean) returns boolean language plpgsql stable as $$
begin
  if stream is null then raise exception 'no stream takes %', subject using errcode = 'LB001'; end if;
  if not anything and not exists (select from bus.publisher p where p.role = session_user and subject ~ p.pattern) then
    raise exception '% may not publish %', session_user, subject using errcode = 'LB002';
  end if;
  if octet_length(data) > max_message_bytes then raise exception 'message too large' using errcode = 'LB003'; end if;
  return true;
end $$;

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
    select r.n, coalesce(t.seq, k.seq), t.seq is null or r.n <> f.n
      from routed r
      join first f on f.name = r.name and f.id = r.id
      left join taken t on t.stream = r.name and t.id = r.id
      left join recent k on k.stream = r.name and k.id = r.id
     order by r.n;
end $$;

drop function may_publish(text);

drop function claim(jsonb);

-- Takes up to `limit` deliveries for each of [{durable, limit}]. What is due again goes first; new ones only while fewer than
-- max_pending are pending, so with 1 the order of a lane holds under retry.
create function claim(wants jsonb)
returns table (durable text, seq bigint, deliveries integer, unanswered integer, subject text, id text, headers jsonb, data text, published_at timestamptz)
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  w record;
  c record;
  room integer;
  anything boolean := may_do_anything();
begin
  for w in select e->>'durable' as name, (e->>'limit')::integer as most from jsonb_array_elements(wants) e order by 1
  loop
    if not pg_try_advisory_xact_lock(7426002, hashtext(w.name)) then continue; end if;
    select k.max_pending, k.ack_wait_ms, k.service into c from consumer k where k.durable = w.name;
    if c.max_pending is null then continue; end if;
    perform works_for(c.service, anything);
    select c.max_pending - count(*) into room from delivery d where d.durable = w.name and d.deliveries > 0;
    return query
      with due as (
        (select d.seq from delivery d
          where d.durable = w.name and d.deliveries > 0 and d.due_at <= clock_timestamp()
          order by d.due_at limit w.most)
        union all
        (select d.seq from delivery d
          where d.durable = w.name and d.deliveries = 0
          order by d.seq limit greatest(0, least(room, w.most)))
        limit w.most
      ), taken as (
        update delivery d
           set deliveries = d.deliveries + 1, unanswered = d.unanswered + 1,
               due_at = clock_timestamp() + make_interval(secs => c.ack_wait_ms / 1000.0)
          from due
         where d.durable = w.name and d.seq = due.seq
        returning d.seq, d.deliveries, d.unanswered
      )
      select w.name, t.seq, t.deliveries, t.unanswered, m.subject, m.id, m.headers, m.data, m.published_at
        from taken t join message m on m.seq = t.seq
       order by t.seq;
  end loop;
end $$;

-- Settles [{durable, seq, deliveries, delayMs?, answered?}]: without delayMs the delivery is over, with it it is due again then;
-- `answered` says that the handler asked for that. Only who holds the latest delivery may: anybody else's word is too late and
-- changes nothing. A delivery stands in the list once.
create or replace function settle(verdicts jsonb) returns void
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  anything boolean := may_do_anything();
begin
  if not anything then
    perform works_for(c.service, anything)
       from consumer c where c.durable in (select v->>'durable' from jsonb_array_elements(verdicts) v);
  end if;
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

-- Says what became of deliveries and takes new ones in one statement: who acknowledges usually asks for more.
create function turn(words jsonb, wants jsonb)
returns table (durable text, seq bigint, deliveries integer, unanswered integer, subject text, id text, headers jsonb, data text, published_at timestamptz)
language plpgsql security definer set search_path = bus, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if jsonb_array_length(words) > 0 then perform settle(words); end if;
  return query select c.durable, c.seq, c.deliveries, c.unanswered, c.subject, c.id, c.headers, c.data, c.published_at from claim(wants) c;
end $$;

-- Durables that have something to take now.
create or replace function due(durables text[]) returns table (durable text)
language plpgsql security definer stable set search_path = bus, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return query
    select u.name from unnest(durables) u(name) join consumer c on c.durable = u.name
     where exists (select from delivery d where d.durable = u.name and d.deliveries > 0 and d.due_at <= clock_timestamp())
        or (exists (select from delivery d where d.durable = u.name and d.deliveries = 0)
            and (select count(*) from delivery d where d.durable = u.name and d.deliveries > 0) < c.max_pending);
end $$;

-- Makes a consumer, or widens the filters of one: an older instance that starts again beside a newer one must not take away what
-- the newer one hears. Older messages that match become the deliveries of a consumer that is new.
create or replace function make_consumer(spec jsonb) returns jsonb
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  wanted text[] := array(select jsonb_array_elements_text(spec->'filters'));
  heard text[];
  matching text;
  known boolean;
begin
  perform works_for(spec->>'service', may_do_anything());
  perform pg_advisory_xact_lock(7426001);
  select c.filters into heard from consumer c where c.durable = spec->>'durable' and works_for(c.service, may_do_anything());
  known := found;
  heard := coalesce(heard, '{}') || array(select w.filter from unnest(wanted) with ordinality w(filter, n) where w.filter <> all (coalesce(heard, '{}')) order by n);
  matching := array_to_string(array(select pattern_of(f) from unnest(heard) f), '|');
  insert into consumer as c (durable, stream, filters, pattern, max_pending, ack_wait_ms, service)
    values (spec->>'durable', spec->>'stream', heard, matching, (spec->>'maxPending')::integer, (spec->>'ackWaitMs')::integer, spec->>'service')
    on conflict on constraint consumer_pkey do update set filters = excluded.filters, pattern = excluded.pattern;
  if not known then
    insert into delivery (durable, seq)
      select spec->>'durable', m.seq from message m where m.stream = spec->>'stream' and m.subject ~ matching;
  end if;
  return (select jsonb_build_object('durable', c.durable, 'stream', c.stream, 'filters', to_jsonb(c.filters), 'maxPending', c.max_pending, 'ackWaitMs', c.ack_wait_ms, 'service', c.service)
            from consumer c where c.durable = spec->>'durable');
end $$;

-- Read-only: what a stream holds, for tails and the debugger.
create or replace function browse(p_stream text, p_pattern text, p_after bigint, p_limit integer)
returns table (seq bigint, subject text, id text, headers jsonb, data text, published_at timestamptz)
language plpgsql security definer stable set search_path = bus, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return query
    select m.seq, m.subject, m.id, m.headers, m.data, m.published_at from message m
     where m.stream = p_stream and m.seq > p_after and m.subject ~ p_pattern
     order by m.seq limit p_limit;
end $$;

-- What a message takes up, as far as retention cares.
create function bytes_of(m message) returns bigint language sql immutable as $$
  select (octet_length(m.subject) + octet_length(m.id) + octet_length(m.headers::text) + octet_length(m.data))::bigint
$$;

-- Measures up to 10,000 messages that came since the last call; gives how many they were.
create function measure(p_stream text) returns bigint
language plpgsql set search_path = bus, pg_temp as $$
declare
  u usage;
  seen record;
begin
  insert into usage (stream) values (p_stream) on conflict do nothing;
  select * into u from usage where stream = p_stream;
  select count(*) as many, max(n.seq) as last, sum(n.bytes)::bigint as bytes into seen
    from (select m.seq, bytes_of(m) as bytes from message m where m.stream = p_stream and m.seq > u.counted_to order by m.seq limit 10000) n;
  if seen.many > 0 then
    update usage set counted_to = seen.last, bytes = usage.bytes + seen.bytes where stream = p_stream;
  end if;
  return seen.many;
end $$;

-- Drops what a stream keeps no longer, by age and by size, oldest first, with deliveries that still wait for it; at most 10,000
-- messages of a stream in a call. Gives the most that was measured or dropped of one stream: 10,000 says that there may be more.
create or replace function expire() returns bigint
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  s record;
  u usage;
  worked bigint := 0;
  measured bigint;
  dropped bigint;
  freed bigint;
begin
  if not pg_try_advisory_xact_lock(7426003) then return 0; end if;
  for s in
    select st.*, clock_timestamp() - make_interval(secs => st.max_age_ms / 1000.0) as oldest,
           clock_timestamp() - make_interval(secs => st.duplicate_window_ms / 1000.0) as window_start
      from stream st order by st.name
  loop
    delete from recent r where r.stream = s.name and r.at < s.window_start;
    measured := measure(s.name);
    select * into u from usage where stream = s.name;
    dropped := 0;
    if u.bytes > s.max_bytes or exists (select from (select m.published_at from message m where m.stream = s.name order by m.seq limit 1) f where f.published_at < s.oldest) then
      with first as (
        select m.seq, m.published_at, bytes_of(m) as bytes from message m where m.stream = s.name order by m.seq limit 10000
      ), running as (
        select f.*, sum(f.bytes) over (order by f.seq) - f.bytes as before from first f
      ), old as (
        select r.seq, r.bytes from running r where r.published_at < s.oldest or (r.seq <= u.counted_to and r.before < u.bytes - s.max_bytes)
      ), undelivered as (
        delete from delivery d using old where d.seq = old.seq
      ), gone as (
        delete from message m using old where m.seq = old.seq returning old.seq, old.bytes
      )
      select count(*), coalesce(sum(g.bytes) filter (where g.seq <= u.counted_to), 0)::bigint into dropped, freed from gone g;
      update usage set bytes = usage.bytes - freed where stream = s.name;
    end if;
    worked := greatest(worked, measured, dropped);
  end loop;
  return worked;
end $$;

revoke execute on function release_leases() from public;
