// An exact duplicate makes nothing new: what recall returned can be added again and again. Found by an HMAC of the text, in the view,
// and for what the view has not seen yet in the memory of this process; what is found is looked up in the stream before it counts.
import type { Access } from '../../access.ts'
import { readEngagement } from '../../current-memory/queries.ts'
import { objectsMarked } from '../../duplicates/queries.ts'
import type { MemoryParts } from '../../parts.ts'
import { type NewMemory, objectIdOf } from './decide.ts'

interface Around {
  readonly commandId: string
  readonly access: Access
  readonly parts: MemoryParts
}

interface Marked {
  readonly item: NewMemory
  readonly mark: string
}

/** The object that each item of this place repeats. A command that comes again does not repeat itself. */
export async function knownAlready(items: readonly NewMemory[], around: Around): Promise<ReadonlyMap<number, string>> {
  const marked = await marksOf(items, around)
  const own = new Set(items.map(({ n }) => objectIdOf(around.commandId, n) as string))
  const twins = twinsOf(marked, around.commandId)
  const candidates = await candidatesOf(marked, around)
  const known = [...candidates].filter(([n, object]) => !twins.has(n) && !own.has(object))
  if (known.length === 0) return twins
  const { rows } = await readEngagement(around.parts.eventStore, around.access.engagement)
  const holds = (object: string) => ['Drafted', 'Active'].includes(rows.get(object)?.lifetime ?? '')
  const standing = new Map(known.filter(([, object]) => holds(object)))
  return new Map([...standing, ...[...twins].map(([n, object]) => [n, firstOf(object, items, standing, around.commandId)] as const)])
}

/** Until the view has seen it, this process remembers what it added. */
export async function remember(items: readonly NewMemory[], around: Around): Promise<void> {
  for (const { item, mark } of await marksOf(items, around)) around.parts.recent.set(placeOf(item, mark, around), objectIdOf(around.commandId, item.n))
}

async function marksOf(items: readonly NewMemory[], { access, parts }: Around): Promise<readonly Marked[]> {
  const marked: Marked[] = []
  for (const item of items) {
    const mark = item.type === 'assertion' ? await parts.keyring.markOf(access.rights.persona, item.type, item.sealed.text) : undefined
    if (mark !== undefined) marked.push({ item, mark })
  }
  return marked
}

/** Items that repeat an earlier one of the same request. */
function twinsOf(marked: readonly Marked[], commandId: string): Map<number, string> {
  const first = new Map<string, number>()
  const twins = new Map<number, string>()
  for (const { item, mark } of marked) {
    const place = `${item.class}/${mark}`
    const n = first.get(place)
    if (n === undefined) first.set(place, item.n)
    else twins.set(item.n, objectIdOf(commandId, n))
  }
  return twins
}

/** A twin of an item that is itself a repeat is a repeat of the same object. */
function firstOf(object: string, items: readonly NewMemory[], standing: ReadonlyMap<number, string>, commandId: string): string {
  const first = items.find(({ n }) => objectIdOf(commandId, n) === object)
  return (first && standing.get(first.n)) ?? object
}

async function candidatesOf(marked: readonly Marked[], around: Around): Promise<ReadonlyMap<number, string>> {
  const { access, parts } = around
  const candidates = new Map<number, string>()
  for (const [memoryClass, group] of Map.groupBy(marked, ({ item }) => item.class)) {
    const place = { engagement: access.engagement, class: memoryClass, persona: access.rights.persona }
    const found = await objectsMarked(
      parts.db,
      place,
      group.map(({ mark }) => mark),
    )
    for (const { item, mark } of group) {
      const object = found.get(mark) ?? parts.recent.get(placeOf(item, mark, around))
      if (object !== undefined) candidates.set(item.n, object)
    }
  }
  return candidates
}

function placeOf(item: NewMemory, mark: string, { access }: Around): string {
  return `${access.engagement}/${item.class}/${mark}`
}
