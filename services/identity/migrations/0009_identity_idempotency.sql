-- Replies to writes that came with an Idempotency-Key, for a day, written in the transaction of the write (identity page §13.3). The key stands
-- as its digest with actor and operation, what was asked as an HMAC under the key; the reply is without one-time secrets and addresses.
create table idempotency_key (
  key_digest text primary key,
  fingerprint text not null,
  status integer not null check (status between 200 and 299),
  reply jsonb,
  created_at timestamptz not null
);
create index idempotency_key_by_age on idempotency_key (created_at);
