-- Codes that are mailed to prove an address: for a person who changes theirs, or for a signup. Five wrong ones, and it is gone.
create table email_codes (
  id uuid primary key,
  purpose text not null check (purpose in ('change', 'signup')),
  person_id uuid unique references persons (id),
  registration_id uuid unique references pending_registrations (id) on delete cascade,
  email text not null,
  email_lookup text not null,
  digest text not null,
  wrong integer not null default 0 check (wrong between 0 and 5),
  expires_at timestamptz not null,
  check ((purpose = 'change') = (person_id is not null)),
  check ((purpose = 'signup') = (registration_id is not null))
);
create index email_code_by_expiry on email_codes (expires_at);

alter table pending_registrations
  -- How the address is proven before the person exists: not at all, by the grant it was given, by a mailed code.
  add column email_proof text not null default 'none' check (email_proof in ('none', 'claim', 'code')),
  add column claim_grant_id uuid,
  add column email_proven_at timestamptz;
