-- What credit decided of an account and was obeyed, by the id of the decision: each is obeyed once, however often and by whichever way it is
-- told. Kept for ever, with ids alone. `seq` is absent until the decision was told with its place.
create table account_decisions (
  id uuid primary key,
  person_id uuid not null references persons (id),
  seq bigint check (seq > 0),
  obeyed_at timestamptz not null
);
create index account_decision_of_person on account_decisions (person_id);
-- The place of the newest decision that was obeyed; older ones come too late.
alter table persons add column account_seq bigint not null default 0 check (account_seq >= 0);
