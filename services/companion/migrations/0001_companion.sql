-- Companion: what the service needs to know of the person it acts for. Names are never kept; they are joined when somebody reads.

create table profile (
  person_id uuid primary key,
  personal_engagement_id uuid not null unique,
  account_status text not null default 'active' check (account_status in ('active', 'exhausted', 'suspended', 'deleted')),
  time_zone text,
  locale text,
  -- Revision of the newest fact about the person that is in this row.
  source_revision bigint not null,
  created_at timestamptz not null default now()
);

create table outbox (
  seq bigint generated always as identity primary key,
  id uuid not null unique,
  entity_id text not null,
  revision bigint,
  stream text,
  subject text not null,
  headers jsonb not null,
  data text not null,
  created_at timestamptz not null default now(),
  published_at timestamptz
);
create index outbox_open on outbox (seq) where published_at is null;
create index outbox_sent on outbox (published_at) where published_at is not null;

create table outbox_lease (
  only_row boolean primary key default true check (only_row),
  holder text not null,
  until timestamptz not null
);
