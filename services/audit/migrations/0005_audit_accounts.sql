-- What credit decides of an account is recorded beside what becomes of it.
alter table record drop constraint record_fact_check;
alter table record add constraint record_fact_check check (fact in (
  'person_activated', 'person_locked', 'person_unlocked', 'person_names_changed', 'email_changed', 'credential_added',
  'credential_removed', 'credential_clone_suspected', 'recovery_used', 'sign_in_throttled', 'enrolment_token_issued',
  'session_opened', 'session_revoked', 'role_granted', 'role_revoked', 'membership_granted', 'membership_changed',
  'membership_revoked', 'agent_changed', 'agent_token_issued', 'agent_token_revoked', 'key_provided', 'key_removed',
  'signing_key_rotated', 'setting_changed', 'account_status_changed', 'identity_fixup_applied', 'engagement_opened',
  'engagement_archived', 'engagement_voided', 'display_numbers_taken', 'memory_added', 'memory_recorded', 'memory_committed',
  'memory_superseded', 'memory_retracted', 'credits_issued', 'grant_issued', 'grant_claimed', 'account_status_decided',
  'saga_completed', 'saga_aborted', 'saga_stalled', 'operator_acted', 'saga_looked_up'
));
