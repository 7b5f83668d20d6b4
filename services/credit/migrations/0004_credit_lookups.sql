-- Behind the pivot of a signup a registry row is found by its grant; what a saga holds is found by the saga.
create index registry_by_last_grant on email_grant_registry (last_grant_id);
create index grant_of_saga on "grant" (reserved_by) where reserved_by is not null;
