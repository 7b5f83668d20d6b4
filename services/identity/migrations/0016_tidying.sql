-- What ended is forgotten after a while (sessions a month, invitations and tokens of agents a quarter); these tell how long ago that was.
create index session_by_end on sessions (least(revoked_at, idle_expires_at, absolute_expires_at));
create index invitation_by_end on invitations (settled_at) where settled_at is not null;
create index agent_token_by_end on agent_tokens (least(revoked_at, expires_at));

-- A session that goes takes its challenges along.
create index challenge_of_session on challenges (session_id) where session_id is not null;
