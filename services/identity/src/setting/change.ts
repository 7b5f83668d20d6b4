import { SettingChanged, type SettingValue, settingSpec } from '@loomworks/contracts'
import { type Caller, canonicalJson, derivedId } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { exec, type Sql, sql, type Tx } from '@loomworks/sql'
import { fact, stateFacts, statingFor } from '../facts.ts'
import type { PlaceRef } from '../places.ts'
import { ownSetting } from './queries.ts'

export interface Change {
  readonly key: string
  /** Undefined: back to what it is without being set. */
  readonly value: SettingValue | undefined
  /** What the caller has read; undefined where the last one wins. */
  readonly ifVersion: number | undefined
  readonly caller: Caller
  readonly at: string
}

/** Sets a setting or takes it back, and tells what it was and became. What is so already states nothing. */
export async function changeSetting(tx: Tx, place: PlaceRef, change: Change): Promise<void> {
  await lockSetting(tx, place, change.key)
  const own = await ownSetting(tx, place, change.key)
  const version = own?.version ?? 0
  if (change.ifVersion !== undefined && change.ifVersion !== version) throw shared.version_mismatch({ currentVersion: version })
  const former = own?.value ?? undefined
  if (isSame(former, change.value)) return
  await exec(tx, stored(place, change, version + 1))
  const told = settingSpec(change.key)?.sensitive
    ? {}
    : { ...(former !== undefined && { from: former }), ...(change.value !== undefined && { to: change.value }) }
  const changed = fact(SettingChanged, { scope: place.scope, scopeId: place.scopeId, key: change.key, ...told, version: version + 1 })
  await stateFacts(tx, derivedId(place.scopeId, 'setting', change.key, version + 1), [changed], statingFor(change.caller, change.at))
}

/** A row that is not there yet cannot be locked. */
async function lockSetting(tx: Tx, { scope, scopeId }: PlaceRef, key: string): Promise<void> {
  await exec(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`setting/${scope}/${scopeId}/${key}`}, 0))`)
}

function stored({ scope, scopeId }: PlaceRef, { key, value, caller, at }: Change, version: number): Sql {
  const json = value === undefined ? null : JSON.stringify(value)
  const by = JSON.stringify(caller.actor)
  return sql`insert into identity.settings (scope, scope_id, key, value, version, updated_by, updated_at)
             values (${scope}, ${scopeId}, ${key}, ${json}::jsonb, ${version}, ${by}::jsonb, ${at})
             on conflict (scope, scope_id, key) do update
               set value = excluded.value, version = excluded.version, updated_by = excluded.updated_by, updated_at = excluded.updated_at`
}

function isSame(former: SettingValue | undefined, value: SettingValue | undefined): boolean {
  if (former === undefined || value === undefined) return former === value
  return canonicalJson(former) === canonicalJson(value)
}
