-- Contracts between a person and their Companion are recorded as they are granted, changed and ended.
alter table record drop constraint record_type_check;
alter table record add constraint record_type_check check (type in (
  'person_lifecycle', 'identity_change', 'session_change', 'role_change', 'membership_change', 'agent_change', 'key_change',
  'setting_change', 'account_lifecycle', 'delegation_lifecycle', 'data_migration', 'engagement_lifecycle', 'memory_change',
  'workspace_operation', 'credit_flow', 'grant_change', 'saga_outcome', 'operator_action', 'operator_lookup'
));
alter table record drop constraint record_fact_check;
alter table record add constraint record_fact_check check (fact in (
  'person_activated', 'person_locked', 'person_unlocked', 'person_names_changed', 'email_changed', 'credential_added',
  'credential_removed', 'credential_clone_suspected', 'recovery_used', 'sign_in_throttled', 'enrolment_token_issued', 'session_opened',
  'session_revoked', 'role_granted', 'role_revoked', 'membership_granted', 'membership_changed', 'membership_revoked', 'agent_changed',
  'agent_token_issued', 'agent_token_revoked', 'key_provided', 'key_removed', 'signing_key_rotated', 'setting_changed',
  'account_status_changed', 'identity_fixup_applied', 'engagement_opened', 'engagement_archived', 'engagement_voided',
  'display_numbers_taken', 'memory_added', 'memory_recorded', 'memory_committed', 'memory_superseded', 'memory_retracted',
  'credits_issued', 'grant_issued', 'grant_claimed', 'account_status_decided', 'delegation_proposed', 'delegation_active',
  'delegation_suspended', 'delegation_withdrawn', 'delegation_revoked', 'delegation_expired', 'saga_completed', 'saga_aborted',
  'saga_stalled', 'operator_acted', 'saga_looked_up'
));
