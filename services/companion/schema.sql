create table outbox (
  seq bigint not null generated always as identity,
  id uuid not null,
  entity_id text not null,
  revision bigint,
  stream text,
  subject text not null,
  headers jsonb not null,
  data text not null,
  created_at timestamp with time zone not null default now(),
  published_at timestamp with time zone,
  PRIMARY KEY (seq),
  UNIQUE (id)
);
CREATE INDEX outbox_open ON companion.outbox USING btree (seq) WHERE (published_at IS NULL);
CREATE INDEX outbox_sent ON companion.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
grant delete, insert, select, update to companion;

create table outbox_lease (
  only_row boolean not null default true,
  holder text not null,
  until timestamp with time zone not null,
  CHECK (only_row),
  PRIMARY KEY (only_row)
);
grant delete, insert, select, update to companion;

create table profile (
  person_id uuid not null,
  personal_engagement_id uuid not null,
  account_status text not null default 'active'::text,
  time_zone text,
  locale text,
  source_revision bigint not null,
  created_at timestamp with time zone not null default now(),
  CHECK ((account_status = ANY (ARRAY['active'::text, 'exhausted'::text, 'suspended'::text, 'deleted'::text]))),
  PRIMARY KEY (person_id),
  UNIQUE (personal_engagement_id)
);
grant delete, insert, select, update to companion;
