-- Engagements that people open: their title is sealed under a key of the engagement's own hat, and a person has a hundred
-- candidates at most.
alter table holder_key drop constraint holder_key_holder_kind_check;
alter table holder_key add constraint holder_key_holder_kind_check check (holder_kind in ('person', 'agent', 'hat'));

alter table engagement_v1
  -- As it is stored, and the event it is bound to.
  add column title jsonb,
  add column title_event uuid,
  add check ((title is null) = (title_event is null));
create index engagement_candidate_of on engagement_v1 ((opened_by ->> 'id')) where state = 'candidate';

create or replace view engagement with (security_invoker = true) as
  select engagement, state, visibility, number, owner, opened_by, opened_at, activated_at, seed, seeds, engagement_version, title, title_event from engagement_v1;

-- Who is about to open an engagement: counted until the engagement is in the view.
create table opening (
  engagement uuid primary key,
  person uuid not null,
  taken_at timestamptz not null default now()
);
create index opening_of_person on opening (person);
