import ipaddr from 'ipaddr.js'
import { expect, test } from 'vitest'
import { clientAddress, limitKey } from './client-address.ts'

const proxies = [ipaddr.parseCIDR('10.0.0.0/8')]

test('without trusted proxies the peer is the client, whatever it says', () => {
  expect(clientAddress('203.0.113.7', '198.51.100.1', [])).toBe('203.0.113.7')
  expect(clientAddress('::ffff:203.0.113.7', undefined, [])).toBe('203.0.113.7')
  expect(clientAddress('2001:DB8:0::1', undefined, [])).toBe('2001:db8::1')
  expect(clientAddress(undefined, undefined, [])).toBe('unknown')
})

test('behind a trusted proxy the client is the last address that is no proxy', () => {
  expect(clientAddress('10.0.0.1', '198.51.100.1', proxies)).toBe('198.51.100.1')
  expect(clientAddress('10.0.0.1', '6.6.6.6, 198.51.100.1, 10.0.0.2', proxies)).toBe('198.51.100.1')
})

test('what a stranger writes before a proxy is not believed, nor what is no address', () => {
  expect(clientAddress('203.0.113.7', '198.51.100.1', proxies)).toBe('203.0.113.7')
  expect(clientAddress('10.0.0.1', 'localhost; drop', proxies)).toBe('10.0.0.1')
})

test('all addresses of an IPv6 /64 count as one', () => {
  expect(limitKey('2001:db8:0:1::1')).toBe(limitKey('2001:db8:0:1:ffff::2'))
  expect(limitKey('2001:db8:0:1::1')).not.toBe(limitKey('2001:db8:0:2::1'))
  expect(limitKey('203.0.113.7')).toBe('203.0.113.7')
})
