import type { OpenApi } from '@loomworks/service-kit'
import { describe, expect, test } from 'vitest'
import { RouteTable } from './routes.ts'

const operation = (operationId: string) => ({ operationId, summary: '', 'x-owner': 'memory', 'x-authz': { actors: ['person'] }, 'x-limits': {}, responses: {} })
const table = new RouteTable({
  openapi: '3.1.0',
  info: { title: '', version: '' },
  components: { schemas: {} },
  paths: {
    '/me': { get: operation('me'), patch: operation('changeMe') },
    '/auth/login/passkey/begin': { post: operation('begin') },
    '/engagements/{engagement}/memory/{object}': { get: operation('object') },
    '/engagements/{engagement}/memory': { get: operation('list') },
  },
} as unknown as OpenApi)

const idOf = (method: string, path: string) => {
  const found = table.find(method, path)
  return found === undefined ? '404' : 'route' in found ? found.route.id : `405 ${found.allow.join()}`
}

test('an operation is found by method and path', () => {
  expect(table.size).toBe(5)
  expect(idOf('GET', '/me')).toBe('me')
  expect(idOf('GET', '/engagements/E1000/memory')).toBe('list')
  expect(idOf('GET', '/engagements/E1000/memory/01938f5e')).toBe('object')
})

test('another method of a known path is told which there are', () => {
  expect(idOf('DELETE', '/me')).toBe('405 GET,PATCH')
})

test('a path under /auth has the narrow rate', () => {
  expect(table.find('POST', '/auth/login/passkey/begin')).toMatchObject({ route: { rate: 'auth' } })
})

describe('is another path:', () => {
  test.each([
    '/ME',
    '/me/',
    '//me',
    '/%6de',
    '/./me',
    '/engagements/../me',
    '/engagements/%2e%2e/memory',
    '/engagements/a%2fb/memory',
    '/engagements//memory',
    '/',
    '/nothing',
  ])('%s', (path) => expect(idOf('GET', path)).toBe('404'))
})
