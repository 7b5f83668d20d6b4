-- Subjects are matched without regular expressions: a server keeps 32 of them compiled, eight lanes of each reader are more, and
-- compiling a filter costs a hundred times what matching does.

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

-- Stores messages [{subject, id, headers, data}] and writes their deliveries, all or none. One row back for each, in order.
create or replace function publish(messages jsonb)
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
      from stream st where exists (select from unnest(st.subjects) f where takes(f, m.subject));
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
    -- Most consumers are out after the first comparison; what is left is looked at closely.
    insert into delivery (durable, seq)
      select c.durable, taken
        from consumer c
       where c.stream = s.name
         and case when m.subject like any (c.likes) then exists (select from unnest(c.filters) f where takes(f, m.subject)) else false end;
    return query select m.n, taken, false;
  end loop;
end $$;
