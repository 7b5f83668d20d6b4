// Integration events of identity (identity page §8, §11): settings and kept secrets. The value of a secret is in none of them, nor is
// that of a sensitive setting.
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { SecretName, SettingKey, SettingValue } from '../fields.ts'
import { integrationEvent } from '../message.ts'
import { SecretKind, SettingScope } from '../sets.ts'

const SCOPE_ID = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'

/** Value-then: what a setting was and became. Both are absent where the setting is sensitive; `to` also where it went back to what it is
 *  without being set. `scopeId` of the system is its own nil id. */
export const SettingChanged = integrationEvent('identity', 'SettingChanged', {
  schema: z.strictObject({
    scope: SettingScope,
    scopeId: idOf(),
    key: SettingKey,
    from: SettingValue.optional(),
    to: SettingValue.optional(),
    version: z.int().min(1),
  }),
  priority: 'standard',
  entity: (data) => data.scopeId,
  sample: { scope: 'person', scopeId: SCOPE_ID, key: 'voice.listening.blur_intensity', from: 8, to: 12, version: 2 },
})

const key = z.strictObject({
  scope: SettingScope,
  scopeId: idOf(),
  secretId: idOf<'secret'>(),
  name: SecretName,
  kind: SecretKind,
  rotation: z.boolean(),
})
const keySample = {
  scope: 'person',
  scopeId: SCOPE_ID,
  secretId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c83',
  name: 'anthropic',
  kind: 'api_key',
  rotation: false,
} satisfies z.input<typeof key>

export const KeyProvided = integrationEvent('identity', 'KeyProvided', {
  schema: key,
  priority: 'high',
  entity: (data) => data.scopeId,
  sample: keySample,
})

export const KeyRemoved = integrationEvent('identity', 'KeyRemoved', {
  schema: key.omit({ rotation: true }),
  priority: 'high',
  entity: (data) => data.scopeId,
  sample: { scope: 'person', scopeId: SCOPE_ID, secretId: keySample.secretId, name: 'anthropic', kind: 'api_key' },
})
