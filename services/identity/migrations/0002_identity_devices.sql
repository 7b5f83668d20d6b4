-- Every login asks whether its device was seen before, of sessions that have ended too.
create index session_of_device on sessions (person_id, device);
