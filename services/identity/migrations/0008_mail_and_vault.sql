-- Letters to persons. Until it is out, a letter's address and contents are here, sealed; afterwards only that it was sent. A key is used once,
-- so whoever asks twice for one letter causes one.
create table mail_log (
  key text primary key check (char_length(key) between 1 and 200),
  person_id uuid references persons (id),
  template text not null,
  state text not null check (state in ('queued', 'sent', 'failed')),
  sealed bytea,
  tries integer not null default 0,
  due_at timestamptz not null,
  error_class text,
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((state = 'queued') = (sealed is not null)),
  check ((state = 'queued') = (ended_at is null))
);
create index mail_log_due on mail_log (due_at) where state = 'queued';
create index mail_log_by_age on mail_log (created_at);
