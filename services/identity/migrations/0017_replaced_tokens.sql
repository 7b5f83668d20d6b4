-- What the token before the last rotation opened: in its last 30 seconds it opens no more than that.
alter table sessions
  add column replaced_step_up_at timestamptz,
  add column replaced_step_up_level text check (replaced_step_up_level in ('passkey', 'any')),
  add column replaced_restricted text check (replaced_restricted in ('none', 'recovery', 'erasing'));
update sessions set replaced_restricted = restricted where replaced_hash is not null;
