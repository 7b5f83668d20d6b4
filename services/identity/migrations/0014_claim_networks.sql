-- Where a claim that is open came from, so that an unknown token is counted against that network when the claim ends. A hash, gone with the end.
create table claim_networks (
  saga_id uuid primary key,
  network_hash text not null,
  noted_at timestamptz not null
);
create index claim_network_by_age on claim_networks (noted_at);
