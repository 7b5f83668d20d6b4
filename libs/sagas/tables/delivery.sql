-- Each participant of a saga: what became of each delivery of a command here, for the saga tool (saga page §2.2). Written in the
-- transaction of the fence; alone where the handler failed. Kept 7 days. Rows come in the order of their time.
create table saga_delivery (
  saga_id uuid not null,
  step text not null,
  dir text not null check (dir in ('do', 'undo')),
  attempt integer not null check (attempt > 0),
  delivery_no integer not null check (delivery_no > 0),
  at timestamptz not null,
  instance text not null,
  result text not null check (result in ('ok', 'duplicate', 'refused', 'error', 'dead')),
  error_class text,
  duration_ms integer not null check (duration_ms >= 0)
);
create index saga_delivery_of_saga on saga_delivery (saga_id);
create index saga_delivery_by_age on saga_delivery using brin (at);
