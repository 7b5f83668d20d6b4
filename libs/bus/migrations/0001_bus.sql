-- The bus on Postgres: messages, durable consumers, and one delivery row per matching consumer, written with the message.
-- Services reach it through the security-definer functions alone; they check the subject against who is connected.

create table stream (
  name text primary key,
  subjects text[] not null,
  max_age_ms bigint not null check (max_age_ms > 0),
  max_bytes bigint not null check (max_bytes > 0),
  max_message_bytes integer not null check (max_message_bytes > 0),
  duplicate_window_ms integer not null check (duplicate_window_ms > 0)
);

create table consumer (
  durable text primary key,
  stream text not null references stream (name),
  filters text[] not null,
  pattern text not null,
  max_pending integer not null check (max_pending > 0),
  ack_wait_ms integer not null check (ack_wait_ms > 0),
  service text not null
);

create table message (
  seq bigint generated always as identity primary key,
  stream text not null,
  subject text not null,
  id text not null,
  headers jsonb not null,
  data text not null,
  published_at timestamptz not null default clock_timestamp()
);
create index message_by_stream on message (stream, seq);
create index message_by_age on message (published_at);

-- Ids seen inside the duplicate window; a row outlives its message's acknowledgement.
create table recent (
  stream text not null,
  id text not null,
  seq bigint not null,
  at timestamptz not null,
  primary key (stream, id)
);
create index recent_by_age on recent (at);

-- deliveries = 0: waiting; > 0: pending, due again at due_at. A delivery is settled by deleting its row, and only by who holds
-- its latest delivery: the number of deliveries is the lease.
create table delivery (
  durable text not null,
  seq bigint not null,
  deliveries integer not null default 0,
  due_at timestamptz not null default '-infinity',
  primary key (durable, seq)
) with (fillfactor = 70);
create index delivery_waiting on delivery (durable, seq) where deliveries = 0;
create index delivery_pending on delivery (durable, due_at) where deliveries > 0;

-- Which role may publish on which subjects; a role without a row may publish nothing. Pattern: regular expression.
create table publisher (
  role text not null,
  pattern text not null,
  primary key (role, pattern)
);

-- A subject filter (* one token, > the rest) as a regular expression.
create function pattern_of(filter text) returns text language sql immutable as $$
  select '^' || replace(replace(replace(filter, '.', '\.'), '*', '[^.]+'), '>', '.+') || '$'
$$;

create function may_publish(subject text) returns boolean language sql stable as $$
  select (select rolsuper from pg_roles where rolname = session_user)
      or exists (select from bus.publisher p where p.role = session_user and subject ~ p.pattern)
$$;

-- Stores messages [{subject, id, headers, data}] and writes their deliveries, all or none. One row back for each, in order.
create function publish(messages jsonb)
returns table (ord integer, seq bigint, duplicate boolean)
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  m record;
  s record;
  taken bigint;
begin
  -- One publisher at a time, so commit order is seq order and no tail or late consumer skips a message that commits behind a
  -- later one. Callers gather what waits into one call, so the lock costs a commit, not a commit for each message.
  perform pg_advisory_xact_lock(7426001);
  for m in
    select e.ordinality::integer as n, e.value->>'subject' as subject, e.value->>'id' as id, e.value->'headers' as headers, e.value->>'data' as data
      from jsonb_array_elements(messages) with ordinality e
  loop
    select st.name, st.max_message_bytes, st.duplicate_window_ms into s
      from stream st where exists (select from unnest(st.subjects) f where m.subject ~ pattern_of(f));
    if s.name is null then raise exception 'no stream takes %', m.subject using errcode = 'LB001'; end if;
    if not may_publish(m.subject) then raise exception '% may not publish %', session_user, m.subject using errcode = 'LB002'; end if;
    if octet_length(m.data) > s.max_message_bytes then raise exception 'message too large' using errcode = 'LB003'; end if;
    taken := null;
    insert into recent as r (stream, id, seq, at)
      values (s.name, m.id, nextval(pg_get_serial_sequence('bus.message', 'seq')), clock_timestamp())
      on conflict on constraint recent_pkey do update set seq = excluded.seq, at = excluded.at
        where r.at < clock_timestamp() - make_interval(secs => s.duplicate_window_ms / 1000.0)
      returning r.seq into taken;
    if taken is null then
      return query select m.n, r.seq, true from recent r where r.stream = s.name and r.id = m.id;
      continue;
    end if;
    insert into message (seq, stream, subject, id, headers, data) overriding system value
      values (taken, s.name, m.subject, m.id, coalesce(m.headers, '{}'), m.data);
    insert into delivery (durable, seq)
      select c.durable, taken from consumer c where c.stream = s.name and m.subject ~ c.pattern;
    return query select m.n, taken, false;
  end loop;
end $$;

-- Takes up to `limit` deliveries for each of [{durable, limit}]. What is due again goes first; new ones only while fewer than
-- max_pending are pending, so with 1 the order of a lane holds under retry.
create function claim(wants jsonb)
returns table (durable text, seq bigint, deliveries integer, subject text, id text, headers jsonb, data text, published_at timestamptz)
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  w record;
  c record;
  room integer;
begin
  for w in select e->>'durable' as name, (e->>'limit')::integer as most from jsonb_array_elements(wants) e order by 1
  loop
    if not pg_try_advisory_xact_lock(7426002, hashtext(w.name)) then continue; end if;
    select k.max_pending, k.ack_wait_ms into c from consumer k where k.durable = w.name;
    if c.max_pending is null then continue; end if;
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
           set deliveries = d.deliveries + 1, due_at = clock_timestamp() + make_interval(secs => c.ack_wait_ms / 1000.0)
          from due
         where d.durable = w.name and d.seq = due.seq
        returning d.seq, d.deliveries
      )
      select w.name, t.seq, t.deliveries, m.subject, m.id, m.headers, m.data, m.published_at
        from taken t join message m on m.seq = t.seq
       order by t.seq;
  end loop;
end $$;

-- Settles [{durable, seq, deliveries, delayMs?}]: without delayMs the delivery is over, with it it is due again then. Only who
-- holds the latest delivery may: anybody else's word is too late and changes nothing.
create function settle(verdicts jsonb) returns void
language sql security definer set search_path = bus, pg_temp as $$
  with v as (
    select * from jsonb_to_recordset(verdicts) as x(durable text, seq bigint, deliveries integer, "delayMs" double precision)
  ), gone as (
    delete from delivery d using v
     where v."delayMs" is null and d.durable = v.durable and d.seq = v.seq and d.deliveries = v.deliveries
  )
  update delivery d set due_at = clock_timestamp() + make_interval(secs => v."delayMs" / 1000.0)
    from v
   where v."delayMs" is not null and d.durable = v.durable and d.seq = v.seq and d.deliveries = v.deliveries
$$;

-- Durables that have something to take now.
create function due(durables text[]) returns table (durable text)
language sql security definer stable set search_path = bus, pg_temp as $$
  select u.name from unnest(durables) u(name) join consumer c on c.durable = u.name
   where exists (select from delivery d where d.durable = u.name and d.deliveries > 0 and d.due_at <= clock_timestamp())
      or (exists (select from delivery d where d.durable = u.name and d.deliveries = 0)
          and (select count(*) from delivery d where d.durable = u.name and d.deliveries > 0) < c.max_pending)
$$;

-- Makes a consumer, or widens the filters of one; older messages that match become its deliveries when it is new.
create function make_consumer(spec jsonb) returns jsonb
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  wanted text[] := array(select jsonb_array_elements_text(spec->'filters'));
  matching text := array_to_string(array(select pattern_of(f) from unnest(wanted) f), '|');
  fresh boolean;
begin
  perform pg_advisory_xact_lock(7426001);
  insert into consumer as c (durable, stream, filters, pattern, max_pending, ack_wait_ms, service)
    values (spec->>'durable', spec->>'stream', wanted, matching, (spec->>'maxPending')::integer, (spec->>'ackWaitMs')::integer, spec->>'service')
    on conflict on constraint consumer_pkey do update set filters = excluded.filters, pattern = excluded.pattern
    returning xmax = 0 into fresh;
  if fresh then
    insert into delivery (durable, seq)
      select spec->>'durable', m.seq from message m where m.stream = spec->>'stream' and m.subject ~ matching;
  end if;
  return (select jsonb_build_object('durable', c.durable, 'stream', c.stream, 'filters', to_jsonb(c.filters), 'maxPending', c.max_pending, 'ackWaitMs', c.ack_wait_ms, 'service', c.service)
            from consumer c where c.durable = spec->>'durable');
end $$;

create function make_stream(spec jsonb) returns jsonb
language plpgsql security definer set search_path = bus, pg_temp as $$
begin
  insert into stream (name, subjects, max_age_ms, max_bytes, max_message_bytes, duplicate_window_ms)
    values (spec->>'name', array(select jsonb_array_elements_text(spec->'subjects')), (spec->>'maxAgeMs')::bigint, (spec->>'maxBytes')::bigint,
            (spec->>'maxMessageBytes')::integer, (spec->>'duplicateWindowMs')::integer)
    on conflict (name) do nothing;
  return (select jsonb_build_object('name', s.name, 'subjects', to_jsonb(s.subjects), 'maxAgeMs', s.max_age_ms, 'maxBytes', s.max_bytes,
                                    'maxMessageBytes', s.max_message_bytes, 'duplicateWindowMs', s.duplicate_window_ms)
            from stream s where s.name = spec->>'name');
end $$;

-- Read-only: what a stream holds, for tails and the debugger.
create function browse(p_stream text, p_pattern text, p_after bigint, p_limit integer)
returns table (seq bigint, subject text, id text, headers jsonb, data text, published_at timestamptz)
language sql security definer stable set search_path = bus, pg_temp as $$
  select m.seq, m.subject, m.id, m.headers, m.data, m.published_at from message m
   where m.stream = p_stream and m.seq > p_after and m.subject ~ p_pattern
   order by m.seq limit p_limit
$$;

create function head() returns bigint
language sql security definer stable set search_path = bus, pg_temp as $$ select coalesce(max(seq), 0) from message $$;

-- Drops what a stream keeps no longer, by age and by size, oldest first; bounded work per call.
create function expire() returns bigint
language plpgsql security definer set search_path = bus, pg_temp as $$
declare
  gone bigint;
begin
  delete from recent r using stream s where s.name = r.stream and r.at < clock_timestamp() - make_interval(secs => s.duplicate_window_ms / 1000.0);
  with old as (
    select m.seq from message m join stream s on s.name = m.stream
     where m.published_at < clock_timestamp() - make_interval(secs => s.max_age_ms / 1000.0) limit 10000
  ), cut as (delete from delivery d using old where d.seq = old.seq)
  delete from message m using old where m.seq = old.seq;
  get diagnostics gone = row_count;
  return gone;
end $$;

-- The depth of each durable, for metrics.
create function depth() returns table (durable text, waiting bigint, pending bigint)
language sql security definer stable set search_path = bus, pg_temp as $$
  select d.durable, count(*) filter (where d.deliveries = 0), count(*) filter (where d.deliveries > 0) from delivery d group by 1
$$;

-- At embedded start nothing can hold a lease: the home's lock is ours. What was pending is due at once.
create function release_leases() returns void
language sql security definer set search_path = bus, pg_temp as $$ update delivery set due_at = '-infinity' where deliveries > 0 $$;
