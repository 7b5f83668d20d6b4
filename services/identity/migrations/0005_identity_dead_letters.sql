-- What operators decided about dead letters. The letters themselves stay on the bus, as they are.
create table dead_letter_decision (
  id uuid primary key,
  -- Place in the stream of dead letters, and the id of the letter there.
  letter bigint not null,
  message_id text not null,
  saga_id uuid,
  decision text not null check (decision in ('redriven', 'discarded')),
  edited boolean not null,
  reason text not null check (char_length(reason) between 3 and 500),
  decided_by jsonb not null,
  decided_at timestamptz not null
);
create index dead_letter_decision_of_letter on dead_letter_decision (letter);
create index dead_letter_decision_of_saga on dead_letter_decision (saga_id) where saga_id is not null;
