import { reserveGrant, SignupInput } from '@loomworks/contracts'
import { sha256 } from '@loomworks/kernel'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { masked, maskWith, unmasked } from './masking.ts'

const mask = maskWith((text) => sha256(`key ${text}`))
const { tokenHash, emailHash, personId } = reserveGrant.sample.do

test('what its schema marks as sensitive is shown as a digest; what is plain stays', () => {
  const shown = masked(mask, reserveGrant.do, reserveGrant.sample.do)
  expect(shown.personId).toBe(personId)
  for (const key of ['tokenHash', 'emailHash', 'emailNormalizedHash']) expect(shown[key]).toMatch(/^•••[0-9a-f]{8}$/)
  expect(masked(mask, SignupInput, { registrationId: personId, attempt: 1, tokenHash }).tokenHash).toBe(shown.tokenHash)
})

test('equal things stay equal, and others differ', () => {
  expect(mask(emailHash)).toBe(mask(emailHash))
  expect(mask(emailHash)).not.toBe(mask(tokenHash))
})

test('what no schema knows is hidden, however deep', () => {
  const shown = JSON.stringify(masked(mask, undefined, { a: 'canary', b: { c: ['canary', 12345] }, d: true }))
  expect(shown).not.toMatch(/canary|12345/)
  expect(masked(mask, reserveGrant.do, { surprise: 'canary' }).surprise).toMatch(/^•••/)
})

test('what was masked and left as it is comes back as it was; what was written stays written', () => {
  const original = { tokenHash, list: ['one'], attempt: 1 }
  expect(unmasked(mask, { ...masked(mask, undefined, original), attempt: 2 }, original)).toEqual({ ...original, attempt: 2 })
  expect(unmasked(mask, { tokenHash: '•••00000000' }, original)).toEqual({ tokenHash: '•••00000000' })
})

test('nothing of a hidden text is in what is shown', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 12 }), (text) => {
      expect(JSON.stringify(masked(mask, undefined, { text }))).not.toContain(JSON.stringify(text).slice(1, -1))
    }),
  )
})
