// The people of the matrix, and what they have together and each by themselves, made as people make it.
import { randomUUID } from 'node:crypto'
import { eventually, type PersonClient } from '@loomworks/testing'
import { expect } from 'vitest'
import type { Whole } from '../whole.ts'

export interface Person {
  readonly client: PersonClient
  readonly id: string
  readonly email: string
}

const NAMES = [
  'owner',
  'operator',
  'coMember',
  'exMember',
  'leaver',
  'another',
  'recovering',
  'erasing',
  'suspended',
  'suspendedAdmin',
  'locked',
  'erased',
  'admin',
  'support',
  'auditor',
  'ops',
  'bystander',
] as const
export type People = Readonly<Record<(typeof NAMES)[number], Person>>

export async function peopleIn(whole: Whole): Promise<People> {
  const people = NAMES.map(async (name) => {
    const { client, email, signUp } = whole.newcomer()
    await signUp()
    return [name, { client, email, id: (await client.expect(200, 'GET', '/me')).id as string }] as const
  })
  return Object.fromEntries(await Promise.all(people)) as unknown as People
}

/** Roles, and a lock, by an administrator. */
export async function standings(admin: PersonClient, people: People): Promise<void> {
  for (const role of ['admin', 'support', 'auditor', 'ops'] as const) await admin.expect(204, 'PUT', `/admin/persons/${people[role].id}/roles/${role}`)
  await admin.expect(204, 'PUT', `/admin/persons/${people.suspendedAdmin.id}/roles/admin`)
  await admin.expect(200, 'POST', `/admin/persons/${people.locked.id}/lock`, { reason: 'ticket 4711' })
}

type Values = Readonly<Record<string, string>>

export interface Place {
  readonly values: Values
  readonly agentToken: string
  readonly membershipOfCoMember: string
}

/** An engagement with everybody who belongs to it or did, and one of each thing that is in it. */
export async function placeOf({ owner, operator, coMember, exMember, leaver }: People): Promise<Place> {
  const { client } = owner
  const engagement = await openedBy(client)
  const at = `/engagements/${engagement}`
  const join = async (person: Person, designations: readonly string[]): Promise<string> => {
    const { token } = await client.expect(201, 'POST', `${at}/invitations`, { designations })
    return (await person.client.expect(200, 'POST', '/invitations/accept', { token })).membership.id
  }
  await join(operator, ['operator'])
  const membershipOfCoMember = await join(coMember, ['contributor'])
  const former = await join(exMember, ['contributor'])
  await exMember.client.expect(200, 'GET', at)
  await client.expect(204, 'DELETE', `${at}/members/${former}`)
  await eventually(async () => expect((await exMember.client.ask('GET', at)).status).toBe(404))
  const here = await agentIn(client, engagement)
  const spare = await agentIn(client, engagement)
  const values = {
    engagement,
    member: await join(leaver, ['contributor']),
    designation: 'domain_expert',
    agent: spare.id,
    token: spare.tokenId,
    invitation: (await client.expect(201, 'POST', `${at}/invitations`, { designations: ['contributor'] })).id,
    object: (await client.expect(201, 'POST', `${at}/memory`, { type: 'assertion', class: 'operational', payload: { kind: 'fact', text: 'Flour' } })).id,
  }
  return { values, agentToken: here.token, membershipOfCoMember }
}

/** An engagement, once identity knows who runs it. */
export async function openedBy(client: PersonClient): Promise<string> {
  const { id } = await client.expect(201, 'POST', '/engagements', { title: 'Bread' })
  await eventually(async () => expect((await client.ask('GET', `/engagements/${id}/members`)).status).toBe(200))
  return id
}

interface WorkingAgent {
  readonly id: string
  readonly token: string
  readonly tokenId: string
}

export async function agentIn(client: PersonClient, engagement: string): Promise<WorkingAgent> {
  const { id } = await client.expect(201, 'POST', `/engagements/${engagement}/agents`, { name: `Agent ${randomUUID()}`, purpose: 'Writes down what was said.' })
  const issued = await client.expect(201, 'POST', `/agents/${id}/tokens`, { scopes: ['memory.read', 'memory.write', 'memory.commit'] })
  return { id, token: issued.token, tokenId: issued.id }
}

/** One of each thing that belongs to one person alone. */
export async function ownOf({ client, email }: Person, admin: PersonClient): Promise<Values> {
  const grant = { recipient_email: email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' }
  const { claim_token } = await admin.expect(201, 'POST', '/admin/grants', { ...grant, allow_existing: true })
  await client.ask('POST', '/me/claims', { claim_token })
  const [claim] = await eventually(async () => {
    const { items } = await admin.expect(200, 'GET', '/admin/sagas?definition=claim')
    expect(items).toHaveLength(1)
    return items
  })
  const { items: sessions } = await client.expect(200, 'GET', '/me/sessions')
  const { passkeys } = await client.expect(200, 'GET', '/me/credentials')
  const spare = sessions.find(({ current }: { current: boolean }) => !current)
  return { claim: claim.id, session: spare.id, credential: passkeys[0].id }
}
