// Streams against fences against the rows of the owners, page by page: first what each participant holds, then the list of sagas, then
// the dead letters of sagas that are open.
import { idOf, ServiceName } from '@loomworks/kernel'
import { type EffectListed, endOf, readHistory } from '@loomworks/sagas'
import type { SagaLeftovers } from '@loomworks/service-kit'
import { many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { lettersIn } from './dead-letter/letters.ts'
import { decisionsOn } from './dead-letter/queries.ts'
import {
  engagementFinding,
  type Finding,
  fencedStep,
  fenceFinding,
  grantFinding,
  isSettled,
  mustBeFenced,
  pendingFinding,
  personFinding,
  unfencedFinding,
} from './findings.ts'
import { participantsOf, type Sight } from './sight.ts'
import { isOver, type Standing, standings, standingsOf } from './standing.ts'

type Leftovers = z.output<typeof SagaLeftovers>

export interface Reconciling {
  readonly sight: Sight
  /** A page of what sagas have left with a participant. */
  readonly leftoversOf: (service: ServiceName, cursor: string | undefined) => Promise<Leftovers>
}

export interface Page {
  readonly findings: readonly Finding[]
  /** How many things were looked at. */
  readonly checked: number
  readonly next: string | null
}

/** `<part>~<where in it>`. */
export const PageCursor = z.string().regex(/^(?:[a-z]+)~[A-Za-z0-9/-]{0,80}$/)
const AT_ONCE = 16
const PersonRow = z.object({ id: z.string(), state: z.string() })
const OpenSagaRow = z.object({ saga_id: idOf<'saga'>(), state: z.string(), revision: z.bigint(), updated_at: z.string() })

export async function reconciled(given: Reconciling, cursor: string | undefined): Promise<Page> {
  const parts = [...participantsOf(given.sight.sagas), 'list', 'letters']
  const [part = parts[0] ?? 'list', at = ''] = cursor?.split('~') ?? []
  const page = await pageOf(given, part, at === '' ? undefined : at)
  if (page.next !== null) return { ...page, next: `${part}~${page.next}` }
  const following = parts[parts.indexOf(part) + 1]
  return { ...page, next: following === undefined ? null : `${following}~` }
}

function pageOf(given: Reconciling, part: string, at: string | undefined): Promise<Page> {
  if (part === 'list') return listPage(given.sight)
  if (part === 'letters') return letterPage(given.sight)
  return participantPage(given, ServiceName.parse(part), at)
}

async function participantPage(given: Reconciling, service: ServiceName, at: string | undefined): Promise<Page> {
  const { fences, effects, nextCursor } = await given.leftoversOf(service, at)
  const ofFences = await fenceFindings(given.sight, service, fences)
  const after = at?.startsWith('effect/') ? at.slice('effect/'.length) : ''
  const ofEffects = effects.length === 0 ? [] : await effectFindings(given, service, { effects, after })
  return { findings: [...ofFences, ...ofEffects], checked: fences.length + effects.length, next: nextCursor }
}

async function fenceFindings(sight: Sight, service: ServiceName, fences: Leftovers['fences']): Promise<readonly Finding[]> {
  const nowMs = sight.clock.now()
  const settled = fences.filter(({ lastSeenAt }) => isSettled(lastSeenAt, nowMs))
  const sagas = await standings(sight, [...new Set(settled.map(({ sagaId }) => sagaId))])
  return settled.flatMap((fence) => fenceFinding(service, fence, sagas.get(fence.sagaId)) ?? [])
}

interface Effects {
  readonly effects: readonly EffectListed[]
  /** The key behind which they begin. */
  readonly after: string
}

async function effectFindings(given: Reconciling, service: ServiceName, { effects, after }: Effects): Promise<readonly Finding[]> {
  const { sight } = given
  const nowMs = sight.clock.now()
  const settled = effects.filter(({ since }) => isSettled(since, nowMs))
  const bySaga = await standings(sight, [...new Set(settled.flatMap(({ sagaId }) => sagaId ?? []))])
  const byRef = await standingsOf(
    sight,
    settled.map(({ id }) => id),
  )
  const standingOf = ({ id, sagaId }: EffectListed) => (sagaId === null ? byRef.get(id) : bySaga.get(sagaId))
  const owners = service === 'memory' ? await personsAmong(sight, settled) : new Map<string, string>()
  const owned = service === 'identity' ? await ownersAfter(given, { after, until: effects.at(-1)?.key ?? '' }) : new Set<string>()
  const found = settled.flatMap((effect) => findingOf(effect, standingOf(effect), { owners, owned }) ?? [])
  return [...found, ...(await unfenced(sight, service, settled, standingOf))]
}

interface Known {
  /** Persons by id, of those that own engagements. */
  readonly owners: ReadonlyMap<string, string>
  /** Persons that own one. */
  readonly owned: ReadonlySet<string>
}

function findingOf(effect: EffectListed, standing: Standing | undefined, { owners, owned }: Known): Finding | undefined {
  if (effect.kind === 'grant') return grantFinding(effect, standing)
  if (effect.kind === 'engagement') return engagementFinding(effect, owners.get(effect.personId ?? ''), standing)
  return pendingFinding(effect, standing) ?? personFinding(effect, owned.has(effect.id), standing)
}

async function personsAmong({ db }: Sight, effects: readonly EffectListed[]): Promise<ReadonlyMap<string, string>> {
  const ids = effects.flatMap(({ personId }) => personId ?? [])
  const rows = await many(db, PersonRow, sql`select id, state from identity.persons where id = any (${ids}::uuid[])`)
  return new Map(rows.map(({ id, state }) => [id, state]))
}

/** Memory lists its engagements by owner, so those of a page of persons lie between its first and its last. */
async function ownersAfter({ leftoversOf }: Reconciling, { after, until }: { readonly after: string; readonly until: string }): Promise<ReadonlySet<string>> {
  const owners = new Set<string>()
  for (let cursor: string | null = `effect/${after}`; cursor !== null; ) {
    const { effects, nextCursor }: Leftovers = await leftoversOf('memory', cursor)
    for (const { key } of effects) owners.add(key)
    cursor = (effects.at(-1)?.key ?? until) >= until ? null : nextCursor
  }
  return owners
}

/** Those whose saga is known, and has ended well, and whose fence is not there. */
async function unfenced(
  sight: Sight,
  service: ServiceName,
  effects: readonly EffectListed[],
  standingOf: (effect: EffectListed) => Standing | undefined,
): Promise<readonly Finding[]> {
  const nowMs = sight.clock.now()
  const young = effects.filter((effect) => mustBeFenced(effect, nowMs))
  const findings: Finding[] = []
  for (let first = 0; first < young.length; first += AT_ONCE) {
    const some = young.slice(first, first + AT_ONCE)
    const answers = await Promise.all(some.map((effect) => missing(sight, service, effect, standingOf(effect))))
    findings.push(...answers.flatMap((finding) => finding ?? []))
  }
  return findings
}

async function missing(sight: Sight, service: ServiceName, effect: EffectListed, standing: Standing | undefined): Promise<Finding | undefined> {
  if (standing === undefined || !hasStep(sight, standing, fencedStep(effect))) return undefined
  const { fences } = await sight.logOf(service, standing.sagaId)
  return fences.some(({ step }) => step === fencedStep(effect)) ? undefined : unfencedFinding(service, effect, standing)
}

/** Who was adopted was made by no saga. */
function hasStep({ sagas }: Sight, { definition }: Standing, step: string): boolean {
  return sagas.some(({ name, steps }) => name === definition && steps[step] !== undefined)
}

/** Rows of sagas that the list calls open, against their streams. */
async function listPage(sight: Sight): Promise<Page> {
  const rows = await many(
    sight.db,
    OpenSagaRow,
    sql`select saga_id, state, revision, updated_at from identity.saga_open where state not in ('completed', 'aborted') order by saga_id`,
  )
  const findings: Finding[] = []
  for (const row of rows.filter(({ updated_at }) => isSettled(updated_at, sight.clock.now()))) {
    const history = await readHistory(sight.store, sight.sagas, row.saga_id).catch(() => undefined)
    const end = history === undefined ? undefined : endOf(history)
    if (end?.revision === Number(row.revision)) continue
    const says = { saga: end?.after.state ?? 'no stream', other: row.state }
    findings.push({ kind: 'status_mismatch', proposed: end === undefined ? 'inspect' : 'relist', saga_id: row.saga_id, says })
  }
  return { findings, checked: rows.length, next: null }
}

async function letterPage(sight: Sight): Promise<Page> {
  const letters = []
  for await (const letter of lettersIn(sight.bus, {})) if (letter.sagaId !== undefined) letters.push(letter)
  const decided = new Set(
    (
      await decisionsOn(
        sight.db,
        letters.map(({ id }) => id),
      )
    ).map(({ letter }) => letter),
  )
  const sagas = await standings(sight, [...new Set(letters.flatMap(({ sagaId }) => sagaId ?? []))])
  const open = letters.filter(({ id, sagaId }) => {
    const standing = sagas.get(sagaId ?? '')
    return standing !== undefined && !isOver(standing) && !decided.has(id)
  })
  const findings = open.map(
    ({ id, sagaId, service }): Finding => ({
      kind: 'dead_letter_of_open_saga',
      proposed: 'redrive',
      ref: String(id),
      ...(sagaId !== undefined && { saga_id: sagaId }),
      service: ServiceName.parse(service),
    }),
  )
  return { findings, checked: letters.length, next: null }
}
