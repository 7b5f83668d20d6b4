// The authorization matrix (identity page §13.6): what `x-authz` promises of an operation is what every kind of caller gets, at the gateway and
// at the service itself. Nothing here names an operation that is right: a new one is covered by being in the document.
import type { Authz, OpenApi } from '@loomworks/service-kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SERVICES } from '../../dev/services.ts'
import { type Listed, operationsOf } from '../openapi/operations.ts'
import { startWhole, type Whole } from '../whole.ts'
import { ACTORS, type ActorName, expected, type Verdict } from './expected.ts'
import { type Asked, violations } from './judging.ts'
import { type Matrix, matrixOf } from './matrix.ts'
import { type World, worldOf } from './world.ts'

const open: Authz = { actors: ['person', 'companion', 'agent'], object: 'thing', relation: 'none', hide: true }
const member: Authz = { ...open, scope: 'memory.read', idFrom: 'params.thing', relation: 'member' }
const operator: Authz = { ...member, scope: 'engagement.manage', relation: 'operator' }
const own: Authz = { ...open, scope: 'account.security', idFrom: 'params.thing', relation: 'self', stepUp: 'any' }
const staff: Authz = { actors: ['person'], role: ['admin', 'support'], object: 'person', relation: 'none', hide: false }

describe('of x-authz alone follows what', () => {
  test.each<[ActorName, string, Authz, Verdict]>([
    ['anonymous', 'what is for persons', open, '401'],
    ['anonymous', 'what is for everybody', { ...open, actors: ['anonymous'] }, 'passes'],
    ['locked', 'what is for everybody', { ...open, actors: ['anonymous', 'person'] }, 'passes'],
    ['erased', 'what is for persons', open, '401'],
    ['agent here', 'what is for persons', { ...open, actors: ['person'] }, '403'],
    ['agent here', 'what is its engagement’s', member, 'passes'],
    ['agent elsewhere', 'what is not its engagement’s', member, '404'],
    ['companion asked', 'what its person may', member, 'passes'],
    ['companion asked', 'what it has no scope for', operator, '403'],
    ['companion of another', 'what its person may not', member, '404'],
    ['companion not approved', 'anything', open, '403'],
    ['ex-member', 'what is hidden', member, '404'],
    ['ex-member', 'what is not hidden', { ...member, hide: false }, '403'],
    ['co-member', 'what is an operator’s', operator, '403'],
    ['operator', 'what is an operator’s', operator, 'passes'],
    ['owner', 'what is its own', own, 'passes'],
    ['operator', 'what is another’s', own, '404'],
    ['operator', 'what is another’s and may be known of', { ...own, hide: false }, '403'],
    ['operator', 'what is about whoever asks', { actors: own.actors, object: 'person', relation: 'self', hide: false }, 'passes'],
    ['owner whose step-up is old', 'what needs a proof', own, '403'],
    ['in recovery', 'what is for whole sessions', open, '403'],
    ['in recovery', 'what it may, of another', { ...own, restricted: ['recovery'] }, '404'],
    ['being erased', 'what is for those in recovery', { ...own, restricted: ['recovery'] }, '403'],
    ['suspended', 'what is about memory', member, '403'],
    ['suspended', 'what is about the account', { ...own, scope: 'account.read', relation: 'none' }, 'passes'],
    ['suspended', 'what it may by name', { ...member, restricted: ['suspended'], relation: 'none' }, 'passes'],
    ['support', 'what is for administrators too', staff, 'passes'],
    ['auditor', 'what is for administrators and support', staff, '403'],
    ['ops', 'what its role brings', { ...staff, actors: ['person'], scope: 'saga.act' }, '403'],
    ['operator token', 'what operators read', { actors: ['person', 'service'], scope: 'saga.read', object: 'saga', relation: 'none', hide: false }, 'passes'],
  ])('%s gets for %s', (who, _what, authz, verdict) => {
    expect(expected(authz, ACTORS[who])).toBe(verdict)
  })
})

let whole: Whole
let world: World
let matrix: Matrix
let operations: readonly Listed[]

beforeAll(async () => {
  whole = await startWhole()
  operations = operationsOf((await (await fetch(new URL('/openapi.json', whole.url))).json()) as OpenApi)
  world = await worldOf(whole)
  matrix = matrixOf(whole, world)
})
afterAll(async () => {
  await matrix[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
  await whole[Symbol.asyncDispose]()
})

const operationOf = (id: string): Listed => {
  const found = operations.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no operation ${id}`)
  return found
}

test('every parameter of every operation has a value in this world, and every body an example', () => {
  expect(matrix.unfilled(operations)).toEqual([])
  const unknown = { ...operationOf('showMe'), id: 'look', inPath: ['thing'], takesBody: true }
  expect(matrix.unfilled([unknown])).toEqual(['look: thing', 'look: body'])
})

describe('a check that is missing', () => {
  /** Changes an operation as its service runs it, for as long as the work takes. */
  async function planted(id: string, fault: object, work: () => Promise<void>): Promise<void> {
    const operation = SERVICES.flatMap(({ operations: all }) => all as readonly object[]).find((each) => 'id' in each && each.id === id)
    if (operation === undefined) throw new Error(`no operation ${id}`)
    const before = { ...operation }
    Object.assign(operation, fault)
    try {
      await work()
    } finally {
      Object.assign(operation, before)
    }
  }

  test('of the relation to an object is found, with the operation and everybody who gets in', async () => {
    const found = async () => violations(await matrix.run([operationOf('listInvitations')]))
    expect(await found()).toEqual([])
    await planted('listInvitations', { answer: async () => ({ items: [], next_cursor: null }) }, async () => {
      const wrong = await found()
      for (const who of ['other person', 'ex-member', 'admin'])
        expect(wrong).toContainEqual(`listInvitations: ${who} at the gateway should get 404 and got passes (200 )`)
      expect(wrong).toContainEqual('listInvitations: co-member at the gateway should get 403 and got passes (200 )')
      expect(wrong.filter((each) => !each.startsWith('listInvitations: '))).toEqual([])
    })
    expect(await found()).toEqual([])
  })

  test('of a role is found at the service, though the gateway still asks', async () => {
    const { role: _role, ...authz } = operationOf('listPersons').authz
    // Restricted sessions are let in too, for whom there would be a refusal that the operation does not declare.
    await planted('listPersons', { authz: { ...authz, restricted: ['recovery', 'erasing'] } }, async () => {
      const wrong = violations(await matrix.run([operationOf('listPersons')]))
      expect(wrong).toContainEqual('listPersons: auditor at the service should get 403 and got passes (200 )')
      expect(wrong.filter((each) => each.includes('at the gateway'))).toEqual([])
    })
  })

  test('and a check that is too much are found in any verdict', async () => {
    const operation = { id: 'look', authz: member }
    const asked = (verdict: Verdict, status: number, code?: string): Asked => ({
      operation,
      who: 'owner',
      door: 'gateway',
      expected: verdict,
      answer: { status, code },
    })
    const right = [
      asked('401', 401, 'token_refused'),
      asked('403', 403, 'auth.scope_missing'),
      asked('403', 403, 'membership.operator_required'),
      asked('404', 404, 'not_found'),
      asked('passes', 404, 'memory.object_not_found'),
      asked('passes', 401, 'totp.invalid'),
      asked('passes', 204),
    ]
    expect(violations(right)).toEqual([])
    const wrong = [
      asked('404', 200),
      asked('404', 403, 'auth.actor_refused'),
      asked('403', 404, 'not_found'),
      asked('passes', 403, 'step_up_required'),
      asked('passes', 404, 'route_not_found'),
      asked('passes', 500, 'internal'),
    ]
    expect(violations(wrong)).toHaveLength(wrong.length)
  })
})

test('a service takes no token that was made for another one, from nobody and for nothing', async () => {
  for (const operation of operations) {
    const other = operation.owner === 'memory' ? 'identity' : 'memory'
    const no = { status: 401, code: 'internal_token_invalid' }
    for (const token of [await world.callers.owner.tokenFor(other), await world.callers.anonymous.tokenFor(other), undefined])
      expect({ id: operation.id, ...(await matrix.askService(operation, token)) }).toEqual({ id: operation.id, ...no })
  }
})

test('every operation answers every kind of caller as x-authz says', async () => {
  const began = performance.now()
  const asked = await matrix.run(operations)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`${operations.length} operations × ${Object.keys(ACTORS).length} kinds of caller: ${asked.length} requests in ${seconds} s`)
  expect(Object.keys(ACTORS).length).toBeGreaterThanOrEqual(15)
  expect(new Set(asked.map(({ operation, who }) => `${operation.id} ${who}`)).size).toBe(operations.length * Object.keys(ACTORS).length)
  expect(violations(asked)).toEqual([])
})
