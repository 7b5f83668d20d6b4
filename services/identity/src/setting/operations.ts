// Settings at each place: list, show, set, take back (identity page §8).
import { SETTINGS, SettingKey, type SettingSpec, SettingValue, settingSpec } from '@loomworks/contracts'
import { type AnyRefusal, timeOf } from '@loomworks/kernel'
import { Answered, faultsOf, type Operation, operation, type Rights, requireStepUp, shared } from '@loomworks/service-kit'
import type { Tx } from '@loomworks/sql'
import { z } from 'zod'
import { setting as refuse } from '../errors.ts'
import type { IdentityParts } from '../parts.ts'
import { beyond, changingAt, PLACES, type Place, type PlaceRef } from '../places.ts'
import { changeSetting } from './change.ts'
import { SettingShown, settingAt, settingsAt, valueBelow } from './queries.ts'

const List = z.object({ items: z.array(SettingShown) })
const SetBody = z.strictObject({ value: SettingValue })

/** All operations on settings, at every place. */
export const settingOperations: readonly Operation<IdentityParts>[] = PLACES.flatMap((place) => [listed(place), shown(place), set(place), takenBack(place)])

function listed(place: Place): Operation<IdentityParts> {
  return operation({
    get: `${place.path}/settings`,
    id: `list${place.idPart}Settings`,
    summary: `Settings: ${place.says}`,
    authz: place.reading,
    params: place.params,
    reply: List,
    refuses: [...beyond(place, 'read')],
    async answer(request, parts: IdentityParts) {
      return { items: [...(await settingsAt(parts.db, await place.find(request, parts.db), parts.config.settingStandards))] }
    },
  })
}

function shown(place: Place): Operation<IdentityParts> {
  return operation({
    get: `${place.path}/settings/:key`,
    id: `show${place.idPart}Setting`,
    summary: `One setting: ${place.says}`,
    authz: place.reading,
    params: keyed(place),
    reply: SettingShown,
    refuses: [...beyond(place, 'read'), refuse.unknown],
    async answer(request, parts: IdentityParts) {
      const setting = await settingAt(parts.db, await place.find(request, parts.db), keyIn(request), parts.config.settingStandards)
      return tagged(setting)
    },
  })
}

function set(place: Place): Operation<IdentityParts> {
  return operation({
    put: `${place.path}/settings/:key`,
    id: `set${place.idPart}Setting`,
    summary: `Set one setting: ${place.says}`,
    authz: place.writing,
    params: keyed(place),
    body: SetBody,
    reply: SettingShown,
    refuses: [...beyond(place, 'write'), refuse.unknown, refuse.invalid, shared.version_mismatch, ...ofAuthority(place), shared.invalid_body],
    answer(request, parts: IdentityParts) {
      return changingAt(place, request, parts, async (tx, ref) => {
        const { key, spec } = settingIn(request, ref)
        const value = spec.value.safeParse(request.body.value)
        if (!value.success) throw refuse.invalid({ errors: [...faultsOf(value.error, 'body')] })
        await requireAuthority(tx, parts, request.token, { spec, ref, key, to: value.data })
        await changeSetting(tx, ref, {
          key,
          value: SettingValue.parse(value.data),
          ifVersion: ifVersionOf(request.header('if-match')),
          caller: request.caller,
          at: timeOf(parts.clock.now()),
        })
        return tagged(await settingAt(tx, ref, key, parts.config.settingStandards))
      })
    },
  })
}

function takenBack(place: Place): Operation<IdentityParts> {
  return operation({
    delete: `${place.path}/settings/:key`,
    id: `takeBack${place.idPart}Setting`,
    summary: `Let one setting be what it is without being set: ${place.says}`,
    authz: place.writing,
    params: keyed(place),
    reply: z.undefined(),
    status: 204,
    refuses: [...beyond(place, 'write'), refuse.unknown, shared.version_mismatch, ...ofAuthority(place)],
    answer(request, parts: IdentityParts) {
      return changingAt(place, request, parts, async (tx, ref) => {
        const { key, spec } = settingIn(request, ref)
        const to = await valueBelow(tx, ref, key, parts.config.settingStandards)
        await requireAuthority(tx, parts, request.token, { spec, ref, key, to })
        const ifVersion = ifVersionOf(request.header('if-match'))
        await changeSetting(tx, ref, { key, value: undefined, ifVersion, caller: request.caller, at: timeOf(parts.clock.now()) })
        return new Answered(204, undefined)
      })
    },
  })
}

interface Changing {
  readonly spec: SettingSpec
  readonly ref: PlaceRef
  readonly key: string
  /** What it will be there. */
  readonly to: unknown
}

/** Refuses `step_up_required` where the change lets something act more freely; what makes it act less freely needs no passkey. */
async function requireAuthority(tx: Tx, { clock, config }: IdentityParts, token: Rights, { spec, ref, key, to }: Changing): Promise<void> {
  if (!spec.raisesAuthority) return
  const now = spec.widens === undefined ? undefined : await settingAt(tx, ref, key, config.settingStandards)
  if (spec.widens?.(now?.value, to) !== false) requireStepUp('passkey', token, clock.now())
}

/** What is refused beside, where a setting of this place raises authority. */
function ofAuthority({ scope }: Place): readonly AnyRefusal[] {
  const raising = Object.values(SETTINGS).some(({ scopes, raisesAuthority }) => raisesAuthority && scopes.some((each) => each === scope))
  return raising ? [shared.step_up_required] : []
}

/** Made once for each place, when the list of operations is. */
function keyed(place: Place) {
  return place.params.extend({ key: z.string().max(100) })
}

function keyIn({ params }: { readonly params: unknown }): string {
  const key = SettingKey.safeParse((params as { readonly key?: unknown }).key)
  if (!key.success) throw refuse.unknown()
  return key.data
}

/** Refuses `setting.unknown` what cannot be set there. */
function settingIn(request: { readonly params: unknown }, { scope }: PlaceRef): { readonly key: string; readonly spec: SettingSpec } {
  const key = keyIn(request)
  const spec = settingSpec(key)
  if (!spec?.scopes.includes(scope)) throw refuse.unknown()
  return { key, spec }
}

function tagged(setting: SettingShown | undefined): Answered {
  if (setting === undefined) throw refuse.unknown()
  return new Answered(200, setting, { headers: { etag: `"${setting.version}"` } })
}

/** RFC 9110 §13.1.1: one strong tag, as the setting was shown with; `*` is any. */
function ifVersionOf(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined
  const version = /^"([0-9]{1,9})"$/.exec(header)?.[1]
  if (version === undefined) throw shared.malformed_request()
  return Number(version)
}
