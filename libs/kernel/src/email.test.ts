import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EmailAddress, emailHashes, emailLookup, emailMailbox, isEmailAddress } from './email.ts'
import { hmac256 } from './hash.ts'

const PEPPER = Buffer.alloc(32, 7)

test('an address is looked up composed, trimmed and in lower case, whatever the locale', () => {
  expect(emailLookup('  Ada.Lovelace+x@Example.ORG ')).toBe('ada.lovelace+x@example.org')
  expect(emailLookup('ZOE\u0308@example.org')).toBe('zo\u00eb@example.org')
  expect(emailLookup('IRIS@example.org')).toBe('iris@example.org')
})

describe('the mailbox behind an address', () => {
  test.each([
    ['A.d.a+news+more@gmail.com', 'ada@gmail.com'],
    ['ada@googlemail.com', 'ada@gmail.com'],
    ['ada+x@GoogleMail.com', 'ada@gmail.com'],
    ['a.d.a+x@outlook.com', 'a.d.a@outlook.com'],
    ['ada+x@hotmail.co.uk', 'ada@hotmail.co.uk'],
    ['ada+x@live.de', 'ada@live.de'],
    ['ada+x@msn.com', 'ada@msn.com'],
    ['"a@b"+x@gmail.com', '"a@b"@gmail.com'],
  ])('%s is %s', (address, mailbox) => {
    expect(emailMailbox(address)).toBe(mailbox)
  })

  test.each([
    'a.d.a+x@example.org',
    'ada+x@msn.de',
    'ada+x@notgmail.com',
    'ada+x@gmail.com.example.org',
    'ada+x@outlook.example',
    'ada+x@sub.outlook.com',
    '+x@gmail.com',
    '...@gmail.com',
    '+@outlook.com',
    'no address',
  ])('%s stays as it is', (address) => {
    expect(emailMailbox(address)).toBe(address)
  })
})

const domain = fc.constantFrom('gmail.com', 'googlemail.com', 'Gmail.COM', 'outlook.com', 'live.co.uk', 'msn.com', 'example.org')
const local = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', 'B', '.', '+', ' ', '@', 'e', '\u0301', 'Σ', 'İ'), maxLength: 8 }),
)
const address = fc.tuple(local, domain).map(([name, at]) => `${name}@${at}`)

test('both forms of any text are forms of themselves', () => {
  fc.assert(
    fc.property(fc.oneof(address, fc.string({ unit: 'binary' })), (text) => {
      expect(emailLookup(emailLookup(text))).toBe(emailLookup(text))
      expect(emailMailbox(emailMailbox(text))).toBe(emailMailbox(text))
    }),
    { numRuns: 1000 },
  )
})

test('at Gmail neither dots nor a tag make another mailbox; elsewhere they do', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/)
  const spot = fc.nat(10)
  fc.assert(
    fc.property(name, spot, fc.stringMatching(/^[a-z0-9.+]{0,8}$/), (plain, at, tag) => {
      const varied = `${plain.slice(0, at)}.${plain.slice(at)}+${tag}`
      expect(emailMailbox(`${varied}@googlemail.com`)).toBe(`${plain}@gmail.com`)
      expect(emailMailbox(`${varied}@example.org`)).not.toBe(`${plain}@example.org`)
    }),
  )
})

test('the hashes are HMACs of the two forms under the pepper', () => {
  expect(emailHashes(PEPPER, 'A.da+x@gmail.com')).toEqual({
    emailHash: hmac256(PEPPER, 'a.da+x@gmail.com'),
    emailNormalizedHash: hmac256(PEPPER, 'ada@gmail.com'),
  })
  expect(emailHashes(Buffer.alloc(32, 8), 'ada@gmail.com').emailHash).not.toBe(emailHashes(PEPPER, 'ada@gmail.com').emailHash)
})

test('an address has one @, no white space or control character, well-formed text and at most 254 characters', () => {
  for (const good of ['a@b', 'zoë@exämple.org', `${'a'.repeat(250)}@b.c`]) expect(isEmailAddress(good), good).toBe(true)
  for (const bad of ['', 'a', '@b', 'a@', 'a@b@c', 'a b@c', 'a\u0000@b', 'a@b\n', 'a\u2028@b', '\ud800@b', `${'a'.repeat(251)}@b.c`])
    expect(isEmailAddress(bad), JSON.stringify(bad)).toBe(false)
})

test('an address that somebody types is trimmed, and keeps its case', () => {
  expect(EmailAddress.parse(' Ada@Example.org\n')).toBe('Ada@Example.org')
  for (const bad of ['', ' ', 'ada', 'ada@example.org bob']) expect(EmailAddress.safeParse(bad).success, bad).toBe(false)
})
