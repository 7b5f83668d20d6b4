-- What ended is forgotten after a while; these tell how long ago that was. A session's is the end it cannot outlive, which never moves: being
-- used touches no index.
create index session_by_end on sessions (absolute_expires_at);
create index invitation_by_end on invitations (settled_at) where settled_at is not null;
create index agent_token_by_end on agent_tokens (least(revoked_at, expires_at));

-- A session that goes takes its challenges along.
create index challenge_of_session on challenges (session_id) where session_id is not null;
