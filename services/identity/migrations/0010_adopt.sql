-- Persons who come from elsewhere, or were found without a personal engagement, are adopted: a saga each, again where one was undone.
alter table persons
  add column imported_at timestamptz,
  add column adopt_attempt integer not null default 0 check (adopt_attempt >= 0),
  -- Not before: an adoption that was undone is tried again later.
  add column adopt_due_at timestamptz;
create index person_to_adopt on persons (created_at) where personal_engagement_id is null;
