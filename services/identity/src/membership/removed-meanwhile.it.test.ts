// Who was an operator when they asked, and is none when their turn comes, changes nothing: what they may is judged under the lock under
// which it changes.
import { derivedId } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import { eventually, fakeClock, waitingIn } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { memberOf, type Opened, openedBy, somebody } from '../belonging-story.ts'
import { lockEngagement } from '../engagements.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import type { SignedUp } from '../signing-up.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock: fakeClock() })
})
afterAll(() => bench[Symbol.asyncDispose]())

interface There {
  readonly engagement: Opened
  /** Who answers for the agent. */
  readonly ada: SignedUp
  /** A contributor. */
  readonly eve: SignedUp
  readonly agent: string
}
type Asked = readonly [method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, body?: object]

/** Ada's engagement with an agent, where Bob is the other operator. */
async function together(): Promise<There & { readonly bob: SignedUp }> {
  const [ada, bob, eve] = await Promise.all(['Ada', 'Bob', 'Eve'].map((name) => somebody(bench, name)))
  if (ada === undefined || bob === undefined || eve === undefined) throw new Error('three were asked for')
  const engagement = await openedBy(bench, ada)
  await memberOf(bench, engagement, bob, ['operator'])
  await memberOf(bench, engagement, eve)
  const made = await bench.ask('POST', `/engagements/${engagement.id}/agents`, { session: ada.session, body: { name: 'Scribe', purpose: 'Writes.' } })
  return { engagement, ada, bob, eve, agent: made.body.id }
}

const at = ({ engagement: { id } }: There, more: string) => `/engagements/${id}/${more}`
const member = (there: There, { personId }: SignedUp) => at(there, `members/${derivedId(there.engagement.id, personId)}`)

test.each<readonly [string, (there: There) => Asked]>([
  ['make another an operator', (there) => ['PUT', `${member(there, there.eve)}/designations/operator`]],
  ['take a designation', (there) => ['DELETE', `${member(there, there.ada)}/designations/operator`]],
  ['let somebody commit', (there) => ['PUT', `${member(there, there.eve)}/commit-authority`, { value: true }]],
  ['remove a member', (there) => ['DELETE', member(there, there.eve)]],
  ['invite somebody', (there) => ['POST', at(there, 'invitations'), { designations: ['contributor'] }]],
  ['create an agent', (there) => ['POST', at(there, 'agents'), { name: 'Spy', purpose: 'Reads.' }]],
  ['change an agent', ({ agent }) => ['PATCH', `/agents/${agent}`, { purpose: 'Reads.' }]],
  ['give an agent a token', ({ agent }) => ['POST', `/agents/${agent}/tokens`, { scopes: ['memory.read'] }]],
  ['keep a key', (there) => ['PUT', at(there, 'secrets/anthropic'), { value: 'sk-of-bob', kind: 'api_key' }]],
  ['set a setting', (there) => ['PUT', at(there, 'settings/converse.responder_model'), { value: 'claude-haiku-4-5' }]],
])('who is removed while they wait does not %s', async (_what, asking) => {
  const there = await together()
  const [method, url, body] = asking(there)
  const { asked } = await bench.db.transaction(async (tx) => {
    await lockEngagement(tx, there.engagement.id)
    const waiting = bench.ask(method, url, { session: there.bob.session, ...(body && { body }) })
    await eventually(async () => expect(await waitingIn(bench.db)).toHaveLength(1))
    const his = derivedId(there.engagement.id, there.bob.personId)
    await exec(tx, sql`update identity.memberships set active = false, ended_at = now() where id = ${his}`)
    return { asked: waiting }
  })
  expect(await asked).toMatchObject({ status: 404, body: { code: 'not_found' } })
})
