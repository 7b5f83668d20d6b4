-- What runs with every append and every read is planned once on each connection: a plan made for the very arguments always looks
-- cheaper than one for any, though making it costs more than running it. The indexes are used whatever the planner believes.
alter function append(text[], text[], integer[], uuid[], text[], text[]) set plan_cache_mode = force_generic_plan;
alter function read_stream(text, bigint, integer, integer) set plan_cache_mode = force_generic_plan;
alter function read_stream_back(text, bigint, integer, integer) set plan_cache_mode = force_generic_plan;
alter function read_all(text[], bigint, integer, integer) set plan_cache_mode = force_generic_plan;

-- The last position that was given; 0 while there is no event. In SQL it would be parsed anew with every call.
create or replace function head() returns bigint
language plpgsql stable security definer set search_path = event_store, pg_temp set enable_seqscan = off set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan as $$
begin
  return (select coalesce(max(e.position), 0) from event e);
end $$;
