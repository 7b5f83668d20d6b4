-- What becomes of sagas, and what operators do with them, is recorded too.
alter table record drop constraint record_type_check;
alter table record add constraint record_type_check check (type in (
  'person_lifecycle', 'identity_change', 'session_change', 'role_change', 'membership_change', 'engagement_lifecycle',
  'memory_change', 'credit_flow', 'grant_change', 'saga_outcome', 'operator_action', 'operator_lookup'
));
alter table record drop constraint record_fact_check;
alter table record add constraint record_fact_check check (fact in (
  'person_activated', 'person_names_changed', 'credential_added', 'credential_clone_suspected', 'session_opened', 'session_revoked',
  'role_granted', 'membership_granted', 'engagement_opened', 'engagement_voided', 'memory_added', 'memory_recorded',
  'memory_committed', 'memory_superseded', 'memory_retracted', 'credits_issued', 'grant_issued', 'grant_claimed',
  'saga_completed', 'saga_aborted', 'saga_stalled', 'operator_acted', 'saga_looked_up'
));
