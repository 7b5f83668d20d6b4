// A registration in any state, for tests of decisions about it.
import { type Id, timeOf } from '@loomworks/kernel'
import type { Registration } from './state.ts'

export const NOW_MS = Date.UTC(2030, 0, 2, 3, 4, 5)

export function registration(change: Partial<Registration> = {}): Registration {
  return {
    id: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44' as Id<'registration'>,
    secret_hash: '',
    state: 'begun',
    email: 'ada@example.org',
    display_name: 'Ada',
    companion_name: 'Companion',
    user_handle: Buffer.alloc(32),
    credential: null,
    totp_sealed: null,
    totp_key_id: null,
    totp_step: null,
    recovery_digests: null,
    recovery_key_id: null,
    set_id: null,
    attempt: 0,
    saga_id: null,
    saga_input: null,
    network_hash: null,
    email_proof: 'none',
    email_proven_at: null,
    options_used: 0,
    renewals: 0,
    wrong_codes: 0,
    completed_at: null,
    session_id: null,
    created_at: timeOf(NOW_MS),
    updated_at: timeOf(NOW_MS),
    expires_at: timeOf(NOW_MS + 1_800_000),
    ...change,
  }
}
