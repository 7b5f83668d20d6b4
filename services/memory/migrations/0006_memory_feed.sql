-- When identity was last heard of: while it is silent what is known of memberships may be old, and it is asked.
create table membership_feed (
  only_row boolean primary key default true check (only_row),
  heard_at timestamptz not null
);
