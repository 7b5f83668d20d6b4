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
  updated_at timestamptz not null,
  -- Where it stands: the step that is waited for, or that it ended with; its attempts; the last that went wrong.
  step text,
  attempts integer not null default 0,
  error_class text,
  -- Once it has ended: how long it took, and each of its steps.
  duration_ms bigint,
  step_ms jsonb,
  -- Every id that belongs to it: of the person, the engagement, the registration, the grant, and the trace it began in.
  refs uuid[] not null default '{}'
);
create index saga_open_due on saga_open (next_due_at) where next_due_at is not null;
create index saga_open_unfinished on saga_open (definition, version) where state not in ('completed', 'aborted');
create index saga_open_refs on saga_open using gin (refs);
create index saga_open_by_state on saga_open (state, started_at desc, saga_id desc) where state <> 'completed';
create index saga_open_by_step on saga_open (step, started_at desc, saga_id desc) where step is not null;
create index saga_open_by_error on saga_open (error_class, started_at desc, saga_id desc) where error_class is not null;
create index saga_open_by_duration on saga_open (duration_ms desc, saga_id desc) where duration_ms is not null;
create index saga_open_by_start on saga_open (started_at desc, saga_id);

-- Up to where the saga streams are in saga_open. One row.
create table saga_position (
  only_row boolean primary key default true check (only_row),
  position text not null
);
