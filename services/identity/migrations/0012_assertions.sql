-- Operations that a person has signed with a passkey. A hash is here once, so one signature allows one operation.
create table verified_operations (
  hash text primary key check (hash ~ '^[0-9a-f]{64}$'),
  person_id uuid not null references persons (id),
  credential_id uuid not null references webauthn_credentials (id),
  at timestamptz not null
);
create index verified_operation_of_person on verified_operations (person_id);
