// The deployment's settings as this service itself obeys them: read at most once a second, so that a change counts everywhere within it.
import { type KnownSetting, SETTINGS, type SettingOf, SettingValue, settingSpec } from '@loomworks/contracts'
import type { Clock } from '@loomworks/kernel'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'

/** What a setting is without being set, where the deployment's environment says otherwise than the catalogue. */
export type Standards = Readonly<Record<string, SettingValue>>

export interface SystemSettings {
  read<K extends KnownSetting>(key: K): Promise<SettingOf<K>>
}

const READ_EVERY_MS = 1000
const SystemRow = z.object({ key: z.string(), value: SettingValue })

export function systemSettingsOn(db: Db, clock: Clock, standards: Standards): SystemSettings {
  let held: { readonly atMs: number; readonly values: Promise<ReadonlyMap<string, SettingValue>> } | undefined
  const values = () => {
    if (held === undefined || clock.now() - held.atMs >= READ_EVERY_MS) {
      const read = stored(db).then((rows) => new Map(rows.map(({ key, value }) => [key, value])))
      // A failed read is not kept: the next one asks again.
      read.catch(() => {
        held = undefined
      })
      held = { atMs: clock.now(), values: read }
    }
    return held.values
  }
  return {
    async read<K extends KnownSetting>(key: K) {
      const set = settingSpec(key)?.value.safeParse((await values()).get(key))
      const value = set?.success ? set.data : (standards[key] ?? SETTINGS[key].standard)
      return value as SettingOf<K>
    },
  }
}

function stored(db: Db): Promise<readonly z.output<typeof SystemRow>[]> {
  return many(db, SystemRow, sql`select key, value from identity.settings where scope = 'system' and value is not null`)
}
