-- What the saga tool lists and finds sagas by. All of it comes from the streams, as the rest of the row does.
alter table saga_open
  -- Where it stands: the step that is waited for, or that it ended with; its attempts; the last that went wrong.
  add column step text,
  add column attempts integer not null default 0,
  add column error_class text,
  -- Once it has ended: how long it took, and each of its steps.
  add column duration_ms bigint,
  add column step_ms jsonb,
  -- Every id that belongs to it: of the person, the engagement, the registration, the grant, and the trace it began in.
  add column refs uuid[] not null default '{}';
create index saga_open_refs on saga_open using gin (refs);
create index saga_open_by_state on saga_open (state, started_at desc, saga_id desc) where state <> 'completed';
create index saga_open_by_step on saga_open (step, started_at desc, saga_id desc) where step is not null;
create index saga_open_by_error on saga_open (error_class, started_at desc, saga_id desc) where error_class is not null;
create index saga_open_by_duration on saga_open (duration_ms desc, saga_id desc) where duration_ms is not null;
