-- The host of sagas: how each saga stands, a projection of the saga streams guarded by revision. Terminal ones stay to be listed.
create table saga_open (
  saga_id uuid primary key,
  definition text not null check (definition in ('signup', 'claim', 'erasure', 'adopt')),
  version integer not null check (version > 0),
  state text not null check (state in ('requested', 'running', 'committed', 'compensating', 'completed', 'aborted')),
  overlay text[] not null default '{}' check (overlay <@ array['paused', 'stalled', 'forced']),
  revision bigint not null,
  next_due_at timestamptz,
  outstanding jsonb not null,
  code text,
  started_at timestamptz not null,
  updated_at timestamptz not null
);
create index saga_open_due on saga_open (next_due_at) where next_due_at is not null;
create index saga_open_unfinished on saga_open (definition, version) where state not in ('completed', 'aborted');
create index saga_open_by_start on saga_open (started_at desc, saga_id);

-- Up to where the saga streams are in saga_open. One row.
create table saga_position (
  only_row boolean primary key default true check (only_row),
  position text not null
);
