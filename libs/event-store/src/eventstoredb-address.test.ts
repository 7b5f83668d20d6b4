import { expect, test } from 'vitest'
import { addressOf } from './eventstoredb-address.ts'

test('one node, with TLS unless it is said otherwise', () => {
  expect(addressOf('esdb://db.internal')).toMatchObject({ nodes: [{ host: 'db.internal', port: 2113 }], isCluster: false, tls: true, ca: undefined })
  expect(addressOf(' esdb://localhost:2114/?tls=false ')).toMatchObject({ nodes: [{ host: 'localhost', port: 2114 }], tls: false })
})

test('a cluster, by a name or by its nodes', () => {
  expect(addressOf('esdb+discover://cluster.internal:2113?nodePreference=leader')).toMatchObject({ isCluster: true })
  expect(addressOf('esdb://a:1,b:2,c?Tls=true')).toMatchObject({
    isCluster: true,
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
      { host: 'c', port: 2113 },
    ],
  })
})

test('credentials go to the header and into the string for a node', () => {
  const address = addressOf('esdb+discover://loom:p%40ss@a:1?tls=true&connectionName=loomworks')
  expect(address.authorization).toBe(`Basic ${Buffer.from('loom:p@ss').toString('base64')}`)
  const settings = 'tls=true&connectionName=loomworks&throwOnAppendFailure=true'
  expect(address.clientUrl()).toBe(`esdb+discover://loom:p%40ss@a:1?${settings}`)
  expect(address.clientUrl({ host: 'b', port: 3 })).toBe(`esdb://loom:p%40ss@b:3?${settings}`)
})

test.each(['http://db:2113', 'esdb://', 'esdb://loom:secret@', 'esdb://db:notaport', 'esdb://loom:secret@d b', 'postgres://loom:secret@db/x'])(
  '%s is refused without being repeated',
  (url) => {
    const told = () => addressOf(url)
    expect(told).toThrow('EVENTSTORE_URL is not understood')
    expect(told).not.toThrow('secret')
  },
)
