-- Writes that came with an Idempotency-Key, for a day (identity page §13.3). A write here is an append to the event store: its key is reserved before,
-- and the reply is kept after it, without the text of what was written. `leased_until`: somebody is at work on it. The key stands as its digest
-- with actor and operation, what was asked as an HMAC under the key.
create table idempotency_key (
  key_digest text primary key,
  fingerprint text not null,
  status integer check (status between 200 and 299),
  reply jsonb,
  leased_until timestamptz,
  created_at timestamptz not null,
  check ((status is null) = (reply is null)),
  check (status is null or leased_until is null)
);
create index idempotency_key_by_age on idempotency_key (created_at);
