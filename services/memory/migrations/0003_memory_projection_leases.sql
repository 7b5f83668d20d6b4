-- Which instance runs which projection, and which instances there are: each runs a fair share.
create table projection_lease (
  name text primary key,
  holder text,
  until timestamptz
);
create table projection_instance (
  instance text primary key,
  seen_at timestamptz not null
);
