import { SETTINGS, SettingScope, SettingValue, settingSpec } from '@loomworks/contracts'
import { type Db, many, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { type PlaceRef, SYSTEM } from '../places.ts'
import type { Standards } from '../system-settings.ts'

const StoredRow = z.object({ scope: SettingScope, key: z.string(), value: SettingValue.nullable(), version: z.int(), updated_at: z.string() })
export type Stored = z.output<typeof StoredRow>

/** A setting as it is read at a place: its value, and from where it has it. `version` counts the changes at this place. */
export const SettingShown = z.object({
  key: z.string(),
  label: z.string(),
  value: SettingValue.optional(),
  source: z.enum(['person', 'engagement', 'system', 'standard']),
  standard: SettingValue,
  version: z.int(),
  updated_at: z.string().nullable(),
  sensitive: z.boolean(),
  raises_authority: z.boolean(),
})
export type SettingShown = z.output<typeof SettingShown>

/** What was set at a place, and at the deployment below it. */
function storedAt(db: Db, { scope, scopeId }: PlaceRef, key?: string): Promise<readonly Stored[]> {
  return many(
    db,
    StoredRow,
    sql`select scope, key, value, version, updated_at
          from identity.settings
         where ((scope = ${scope} and scope_id = ${scopeId}) or (scope = ${SYSTEM.scope} and scope_id = ${SYSTEM.scopeId}))
           and (${key ?? null}::text is null or key = ${key ?? null})`,
  )
}

/** Every setting of a place, by key. */
export async function settingsAt(db: Db, place: PlaceRef, standards: Standards): Promise<readonly SettingShown[]> {
  const stored = await storedAt(db, place)
  return Object.keys(SETTINGS)
    .filter((key) => settingSpec(key)?.scopes.includes(place.scope))
    .sort()
    .map((key) => shown(key, place, stored, standards))
}

/** One setting of a place; undefined where there is none of this key there. */
export async function settingAt(db: Db, place: PlaceRef, key: string, standards: Standards): Promise<SettingShown | undefined> {
  if (!settingSpec(key)?.scopes.includes(place.scope)) return undefined
  return shown(key, place, await storedAt(db, place, key), standards)
}

/** What a setting is at a place where nobody sets it there. */
export async function valueBelow(db: Db, { scope }: PlaceRef, key: string, standards: Standards): Promise<SettingValue | undefined> {
  const below = await settingAt(db, SYSTEM, key, standards)
  return scope === SYSTEM.scope || below === undefined ? (standards[key] ?? (settingSpec(key)?.standard as SettingValue | undefined)) : below.value
}

function shown(key: string, { scope }: PlaceRef, stored: readonly Stored[], standards: Standards): SettingShown {
  const spec = settingSpec(key)
  if (spec === undefined) throw new Error(`${key} is no setting`)
  const own = stored.find((row) => row.key === key && row.scope === scope)
  const found = [own, stored.find((row) => row.key === key && row.scope === SYSTEM.scope)].find((row) => isValid(row, key))
  const standard = standards[key] ?? (spec.standard as SettingValue)
  return {
    key,
    label: spec.label,
    ...(!spec.sensitive && { value: found?.value ?? standard }),
    source: found?.scope ?? 'standard',
    standard,
    version: own?.version ?? 0,
    updated_at: own?.updated_at ?? null,
    sensitive: spec.sensitive === true,
    raises_authority: spec.raisesAuthority === true,
  }
}

/** A value that a later catalogue no longer takes counts as none. */
function isValid(row: Stored | undefined, key: string): boolean {
  return row !== undefined && row.value !== null && settingSpec(key)?.value.safeParse(row.value).success === true
}

const OwnRow = StoredRow.pick({ value: true, version: true })

/** What is set at a place itself, locked until the transaction ends. */
export function ownSetting(tx: Db, { scope, scopeId }: PlaceRef, key: string): Promise<z.output<typeof OwnRow> | undefined> {
  return maybe(
    tx,
    OwnRow,
    sql`select value, version
          from identity.settings
         where scope = ${scope} and scope_id = ${scopeId} and key = ${key}
           for update`,
  )
}
