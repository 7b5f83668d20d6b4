// What projections elsewhere are rebuilt from: rows are the truth here. Each list goes by a key that never changes.
import { AccountStatus, AgentState, PersonState, SettingScope, SettingValue, settingSpec } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { type Db, many, one, sql } from '@loomworks/sql'
import { z } from 'zod'

const PositionRow = z.object({ position: z.string() })

/** Number of the newest outbox row: what is published under a later one is not in a snapshot taken now. */
export async function snapshotPosition(db: Db): Promise<string> {
  const { position } = await one(db, PositionRow, sql`select coalesce(max(seq), 0)::text as position from identity.outbox`)
  return position
}

export const SnapshotAgent = z.object({
  agentId: idOf<'agent'>(),
  engagementId: idOf<'engagement'>().nullable(),
  instructionVersion: z.int(),
  sponsorId: idOf<'person'>().nullable(),
  state: AgentState,
})

/** Agents in the order of their ids, those of the system and retired ones too. */
export function agentsAfter(db: Db, after: string | undefined, limit: number): Promise<readonly z.output<typeof SnapshotAgent>[]> {
  return many(
    db,
    SnapshotAgent,
    sql`select id as "agentId", engagement_id as "engagementId", instruction_version as "instructionVersion", sponsor_person_id as "sponsorId", state
          from identity.agents
         where ${after ?? null}::uuid is null or id > ${after ?? null}::uuid
         order by id
         limit ${limit}`,
  )
}

export const SnapshotState = z.object({
  personId: idOf<'person'>(),
  personalEngagementId: idOf<'engagement'>().nullable(),
  state: PersonState.exclude(['pending']),
  accountStatus: AccountStatus,
  /** Of the person's stream: what is told under a later one is newer. */
  revision: z.int(),
})

/** How persons stand, in the order of their ids; who is only coming to be is nobody yet. */
export function statesAfter(db: Db, after: string | undefined, limit: number): Promise<readonly z.output<typeof SnapshotState>[]> {
  return many(
    db,
    SnapshotState,
    sql`select id as "personId", personal_engagement_id as "personalEngagementId", state, account_status as "accountStatus", revision::integer as revision
          from identity.persons
         where state <> 'pending' and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
         order by id
         limit ${limit}`,
  )
}

export const SnapshotSetting = z.object({
  scope: SettingScope,
  scopeId: idOf(),
  key: z.string(),
  /** Absent when it was taken back, and when it is sensitive. */
  value: SettingValue.optional(),
  version: z.int(),
})

const SettingRow = SnapshotSetting.extend({ value: SettingValue.nullable() })

/** Settings in the order of place and key. */
export async function settingsAfter(db: Db, after: string | undefined, limit: number): Promise<readonly z.output<typeof SnapshotSetting>[]> {
  const rows = await many(
    db,
    SettingRow,
    sql`select scope, scope_id as "scopeId", key, value, version
          from identity.settings
         where ${after ?? null}::text is null or scope || '/' || scope_id || '/' || key > ${after ?? null}::text
         order by scope || '/' || scope_id || '/' || key
         limit ${limit}`,
  )
  return rows.map(({ value, ...row }) => ({ ...row, ...(value !== null && settingSpec(row.key)?.sensitive !== true && { value }) }))
}

export function placeOfSetting({ scope, scopeId, key }: z.output<typeof SnapshotSetting>): string {
  return `${scope}/${scopeId}/${key}`
}
