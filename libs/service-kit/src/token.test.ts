import { fakeClock } from '@loomworks/testing'
import { CompactSign, exportJWK, generateKeyPair, generateSecret, SignJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { hasScope, scopesOf, type TokenVerifier, tokenVerifier } from './token.ts'
import { claimsAt, type Signer, signer } from './token-bench.ts'

const clock = fakeClock()
let identity: Signer
let fetches: number
let down: boolean
let verifier: TokenVerifier

beforeEach(async () => {
  identity = await signer(clock)
  fetches = 0
  down = false
  const keys = async () => {
    fetches++
    if (down) throw new Error('identity is away')
    return identity.jwks
  }
  verifier = tokenVerifier('memory', keys, () => clock.now())
})

const refused = { code: 'internal_token_invalid', status: 401 }

test('a right token gives its claims, and its keys are fetched once for all', async () => {
  const token = await identity.sign()
  expect(await verifier.verify(token)).toMatchObject({ aud: 'memory', azp: 'gateway', act: { kind: 'person' } })
  await verifier.verify(await identity.sign())
  await verifier.verify(token)
  expect(fetches).toBe(1)
})

describe('is refused, and always in the same words:', () => {
  const seconds = () => Math.floor(clock.now() / 1000)

  test.each<[string, () => Record<string, unknown>]>([
    ['another audience', () => ({ aud: 'credit' })],
    ['two audiences', () => ({ aud: ['memory', 'credit'] })],
    ['another issuer', () => ({ iss: 'loomworks-gateway' })],
    ['one that has ended this second', () => ({ iat: seconds() - 60, exp: seconds() })],
    ['one that lives longer than a minute', () => ({ exp: seconds() + 61 })],
    ['one from more than five seconds ahead', () => ({ iat: seconds() + 7, exp: seconds() + 60 })],
    ['one without an end', () => ({ exp: undefined })],
    ['one without a beginning', () => ({ iat: undefined })],
    ['one without an actor', () => ({ act: undefined })],
    ['one with an actor that is none', () => ({ act: { kind: 'person', id: 'ada' } })],
    ['one with a role nobody knows', () => ({ roles: ['root'] })],
  ])('%s', async (_what, claims) => {
    await expect(verifier.verify(await identity.sign({ claims: claims() }))).rejects.toMatchObject(refused)
  })

  test('a JWT of another type', async () => {
    await expect(verifier.verify(await identity.sign({ typ: 'JWT' }))).rejects.toMatchObject(refused)
  })

  test('one signed by somebody else under the same key id', async () => {
    const forger = await signer(clock)
    await expect(verifier.verify(await forger.sign())).rejects.toMatchObject(refused)
  })

  test('one signed with another algorithm, or with none', async () => {
    const secret = await generateSecret('HS256', { extractable: true })
    const symmetric = new SignJWT({ ...claimsAt(clock) }).setProtectedHeader({ alg: 'HS256', typ: 'itk+jwt', kid: 'k1' }).sign(secret)
    await expect(verifier.verify(await symmetric)).rejects.toMatchObject(refused)
    const unsigned = `${part({ alg: 'none', typ: 'itk+jwt', kid: 'k1' })}.${part(claimsAt(clock))}.`
    await expect(verifier.verify(unsigned)).rejects.toMatchObject(refused)
  })

  test('one that brings its own key', async () => {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA')
    const header = { alg: 'EdDSA', typ: 'itk+jwt', kid: 'k1', jwk: await exportJWK(publicKey) }
    const own = await new CompactSign(Buffer.from(JSON.stringify(claimsAt(clock)))).setProtectedHeader(header).sign(privateKey)
    await expect(verifier.verify(own)).rejects.toMatchObject(refused)
  })

  test.each(['', 'x', 'a.b.c', '..', 'ey.ey.ey'])('what is no token: %s', async (text) => {
    await expect(verifier.verify(text)).rejects.toMatchObject(refused)
  })

  test('one whose claims were changed', async () => {
    const [head, , signature] = (await identity.sign()).split('.')
    await expect(verifier.verify(`${head}.${part({ ...claimsAt(clock), scope: 'admin.persons' })}.${signature}`)).rejects.toMatchObject(refused)
  })
})

test('a token that was good is refused once it has ended, also from the cache', async () => {
  const token = await identity.sign()
  await verifier.verify(token)
  clock.advance(59_000)
  await verifier.verify(token)
  clock.advance(1000)
  await expect(verifier.verify(token)).rejects.toMatchObject(refused)
})

test('a clock that is up to five seconds behind is forgiven', async () => {
  const iat = Math.floor(clock.now() / 1000) + 5
  await expect(verifier.verify(await identity.sign({ claims: { iat, exp: iat + 55 } }))).resolves.toMatchObject({ iat })
})

describe('a key nobody knows', () => {
  test('is looked for at most once in ten seconds', async () => {
    await verifier.verify(await identity.sign())
    const stranger = await identity.sign({ kid: 'k2' })
    await expect(verifier.verify(stranger)).rejects.toMatchObject(refused)
    expect(fetches).toBe(1)
    clock.advance(10_001)
    for (const _ of [1, 2, 3]) await expect(verifier.verify(await identity.sign({ kid: 'k2' }))).rejects.toMatchObject(refused)
    expect(fetches).toBe(2)
  })

  test('is found after a rotation', async () => {
    await verifier.verify(await identity.sign())
    identity = await signer(clock, 'k2')
    clock.advance(10_001)
    await expect(verifier.verify(await identity.sign())).resolves.toMatchObject({ aud: 'memory' })
    expect(fetches).toBe(2)
  })

  test('costs nobody the keys we have while identity is away', async () => {
    await verifier.verify(await identity.sign())
    down = true
    clock.advance(10_001)
    await expect(verifier.verify(await identity.sign({ kid: 'k2' }))).rejects.toMatchObject(refused)
    await expect(verifier.verify(await identity.sign())).resolves.toMatchObject({ aud: 'memory' })
  })
})

test('without any key yet the trouble is told as it is, and the next request asks again', async () => {
  down = true
  await expect(verifier.verify(await identity.sign())).rejects.toThrow('identity is away')
  down = false
  await expect(verifier.verify(await identity.sign())).resolves.toMatchObject({ aud: 'memory' })
})

test('a scope is there whole or not at all', () => {
  const token = { ...claimsAt(clock), scope: 'memory.read admin.persons' }
  expect([hasScope(token, 'memory.read'), hasScope(token, 'admin.persons')]).toEqual([true, true])
  expect([
    hasScope(token, 'memory.write'),
    hasScope({ ...token, scope: 'xmemory.read memory.readx' }, 'memory.read'),
    hasScope({ ...token, scope: '' }, 'memory.read'),
  ]).toEqual([false, false, false])
})

test('scopes are those we know; others open nothing', () => {
  expect([...scopesOf({ ...claimsAt(clock), scope: 'memory.read  root admin.persons' })]).toEqual(['memory.read', 'admin.persons'])
  expect([...scopesOf({ ...claimsAt(clock), scope: '' })]).toEqual([])
})

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
