-- Each participant of a saga: what became of each (saga, step) here. The row makes a do and its undo happen at most once, and an
-- undo final. state and replies: saga page §2.2. A row lives 30 days after its last use.
create table saga_fence (
  saga_id uuid not null,
  step text not null,
  state text not null check (state in ('done', 'failed', 'undone', 'tombstone')),
  input_hash text,
  reply jsonb,
  undo_reply jsonb,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (saga_id, step)
);
create index saga_fence_by_use on saga_fence (last_seen_at);
