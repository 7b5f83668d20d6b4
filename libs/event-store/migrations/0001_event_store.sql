-- The event store on Postgres. Services reach it through the security-definer functions alone; they check the stream against
-- who is connected.

create table event (
  position bigint generated always as identity primary key,
  stream text not null,
  revision bigint not null,
  id uuid not null,
  type text not null,
  -- The envelope as JSON text: kept byte for byte, and cheaper to store and to read than jsonb.
  body text not null,
  recorded_at timestamptz not null,
  -- There is deliberately no unique index on ids: they protect a retry, they are no uniqueness rule.
  unique (stream, revision)
);

-- The functions below find their rows by an index whatever the planner believes of a table that was empty a moment ago.

-- Which role may use which streams; a role without a row may use none. An empty prefix stands for all streams.
create table writer (
  role text not null,
  prefix text not null,
  primary key (role, prefix)
);

-- Raises where one of these names is not under a prefix of who is connected. A superuser may use all: callers ask that first,
-- since it costs nothing.
create function demand(names text[]) returns void language plpgsql stable as $$
begin
  if exists (select from unnest(names) n where not exists (select from event_store.writer w where w.role = session_user and n ^@ w.prefix))
  then raise exception '% may not use %', session_user, names using errcode = 'LE001'; end if;
end $$;

-- Appends many lists at once, each judged by itself and in order: a wrong expectation fails alone. List n goes to streams[n],
-- expects expected[n] ('no_stream', 'exists' or a revision) and holds the next counts[n] of ids, types and bodies. One row back
-- for each list, in order: where it was taken, revision and position of its last event; else where the stream stands.
create function append(streams text[], expected text[], counts integer[], ids uuid[], types text[], bodies text[])
returns table (ord integer, taken boolean, revision bigint, "position" bigint)
language plpgsql security definer set search_path = event_store, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  first integer := 1;
  last integer;
  current bigint;
  wanted bigint;
  at timestamptz;
begin
  if current_setting('is_superuser') <> 'on' then perform demand(streams); end if;
  -- One appender at a time, held to the end of the transaction: positions are given and become visible in the same order, so no
  -- reader ever steps over an event that commits behind a later one. Every statement below sees what was committed before.
  -- It is asked for in an expression, where it costs no statement; what it gives is never null.
  if pg_advisory_xact_lock(7426101) is null then return; end if;
  at := clock_timestamp();
  for n in 1 .. cardinality(streams) loop
    ord := n;
    last := first + counts[n] - 1;
    current := (select e.revision from event e where e.stream = streams[n] order by e.revision desc limit 1);
    wanted := case expected[n] when 'no_stream' then -1 when 'exists' then current else expected[n]::bigint end;
    if wanted = coalesce(current, -1) and (current is not null or expected[n] <> 'exists') then
      for i in first .. last loop
        wanted := wanted + 1;
        insert into event as e (stream, revision, id, type, body, recorded_at) values (streams[n], wanted, ids[i], types[i], bodies[i], at)
          returning e.position into position;
      end loop;
      taken := true; revision := wanted;
    else
      -- The same ids where this list would have been: it is here already, and the answer is that of the first time.
      select count(*) = counts[n], max(e.revision), max(e.position) into taken, revision, position
        from event e
       where e.stream = streams[n] and e.revision > wanted and e.revision <= wanted + counts[n] and e.id = ids[first + (e.revision - wanted)::integer - 1];
      if not taken then revision := current; position := null; end if;
    end if;
    return next;
    first := last + 1;
  end loop;
end $$;

-- A page of one stream, upwards from a revision; it ends early where it grows large, and always holds one event when there is one.
create function read_stream(p_stream text, p_from bigint, p_limit integer, p_bytes integer)
returns table ("position" bigint, stream text, revision bigint, id uuid, type text, body text, recorded_at timestamptz)
language plpgsql stable security definer set search_path = event_store, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if current_setting('is_superuser') <> 'on' then perform demand(array[p_stream]); end if;
  return query
    select s.position, s.stream, s.revision, s.id, s.type, s.body, s.recorded_at
      from (select p.*, sum(octet_length(p.body)) over (order by p.revision) - octet_length(p.body) as before
              from (select e.* from event e where e.stream = p_stream and e.revision >= p_from order by e.revision limit p_limit) p) s
     where s.before < p_bytes
     order by s.revision;
end $$;

-- The same, downwards.
create function read_stream_back(p_stream text, p_from bigint, p_limit integer, p_bytes integer)
returns table ("position" bigint, stream text, revision bigint, id uuid, type text, body text, recorded_at timestamptz)
language plpgsql stable security definer set search_path = event_store, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if current_setting('is_superuser') <> 'on' then perform demand(array[p_stream]); end if;
  return query
    select s.position, s.stream, s.revision, s.id, s.type, s.body, s.recorded_at
      from (select p.*, sum(octet_length(p.body)) over (order by p.revision desc) - octet_length(p.body) as before
              from (select e.* from event e where e.stream = p_stream and e.revision <= p_from order by e.revision desc limit p_limit) p) s
     where s.before < p_bytes
     order by s.revision desc;
end $$;

-- A page of all streams whose name begins with one of the prefixes, after a position. Where the page holds all there is, its last
-- row is not an event: it carries the position up to which everything has been seen.
create function read_all(p_prefixes text[], p_after bigint, p_limit integer, p_bytes integer)
returns table ("position" bigint, stream text, revision bigint, id uuid, type text, body text, recorded_at timestamptz)
language plpgsql stable security definer set search_path = event_store, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if current_setting('is_superuser') <> 'on' then perform demand(p_prefixes); end if;
  return query
    with page as materialized (
      select e.* from event e where e.position > p_after and e.stream ^@ any (p_prefixes) order by e.position limit p_limit
    ), sized as materialized (
      select p.*, sum(octet_length(p.body)) over (order by p.position) - octet_length(p.body) as before from page p
    )
    select s.position, s.stream, s.revision, s.id, s.type, s.body, s.recorded_at from sized s where s.before < p_bytes
    union all
    select greatest(p_after, (select max(e.position) from event e)), null, null, null, null, null, null
     where (select count(*) from sized s where s.before < p_bytes) < p_limit and not exists (select from sized s where s.before >= p_bytes)
     order by 1, 3 nulls last;
end $$;

-- The last position that was given; 0 while there is no event.
create function head() returns bigint
language sql stable security definer set search_path = event_store, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$ select coalesce(max(e.position), 0) from event e $$;
